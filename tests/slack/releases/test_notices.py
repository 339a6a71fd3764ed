"""Messages beside the cards: a broken glass, a reminder to answer, a word that is void."""

from dataclasses import replace

from qbot.domain import actions
from qbot.domain.names import PromotionId
from qbot.domain.people import Actor
from qbot.domain.release import StageProgress
from qbot.sandbox.slack.model import Message
from qbot.sandbox.slack.seed import TEAM
from tests.sandbox.slack.stage import CHLOE, DAN, GENERAL, RELEASES, SECRET
from tests.slack.releases.stages import opened, value
from tests.slack.scene import Scene

WHO = (Actor(TEAM, CHLOE), Actor(TEAM, DAN))


async def progress_of(shop: Scene, number: PromotionId, home: str = "") -> StageProgress:
    row = await shop.releases.context.promotions.promotion(number)
    assert row is not None
    operation = await shop.database.store.operation(row.op)
    assert operation is not None
    assert isinstance(operation.progress, StageProgress)
    return replace(operation.progress, home=home, reason="checkout is down", emergency=True)


def there(shop: Scene, channel: str) -> list[Message]:
    return list(shop.played.slack.world.channels[channel].messages.values())


async def test_an_emergency_is_told_where_those_are_who_may_approve_and_names_them(
    shop: Scene,
) -> None:
    number, _ = await opened(shop)
    progress = await progress_of(shop, number, home=RELEASES)
    for _ in range(2):  # a worker died after the first
        await shop.releases.context.notices.shout(progress, WHO, None)
    (told,) = there(shop, RELEASES)
    assert "EMERGENCY in production" in told.text
    assert f"<@{CHLOE}>, <@{DAN}>" in told.text
    assert "Go to its card" in told.text


async def test_each_of_them_is_told_directly_once(shop: Scene) -> None:
    number, _ = await opened(shop)
    progress = await progress_of(shop, number)
    for _ in range(2):
        await shop.releases.context.notices.shout(progress, WHO, WHO[1])
    (told,) = shop.direct(DAN)
    assert "checkout is down" in told.text


async def test_where_the_stages_channel_is_closed_the_cards_channel_is_told(shop: Scene) -> None:
    number, _ = await opened(shop)
    progress = await progress_of(shop, number, home=SECRET)
    await shop.releases.context.notices.shout(progress, WHO, None)
    assert "EMERGENCY" in there(shop, GENERAL)[-1].text


async def test_a_reminder_can_be_answered_where_it_is(shop: Scene) -> None:
    number, _ = await opened(shop)
    await shop.releases.context.notices.remind(WHO[:1], await progress_of(shop, number))
    (reminder,) = shop.direct(CHLOE)
    await shop.press(reminder, actions.APPROVE, value(number), CHLOE)
    said = await shop.releases.context.promotions.approvals(number)
    assert [a.actor.user for a in said] == [CHLOE]
    world = shop.played.slack.world
    answer = shop.private(CHLOE, world.dm(world.users[CHLOE]).id)
    assert [m.text for m in answer] == [f"You approved P-{number}."]


async def test_a_reminder_leads_to_no_card_that_its_reader_cannot_open(shop: Scene) -> None:
    number, card = await opened(shop)
    row = await shop.releases.context.promotions.promotion(number)
    assert row is not None
    await shop.database.cards.posted(
        row.op, end=False, channel="D0BEN", ts=card.ts, version=9, shown_hash="h"
    )
    await shop.releases.context.notices.remind(WHO[:1], await progress_of(shop, number))
    (reminder,) = shop.direct(CHLOE)
    assert "Go to its card" not in reminder.text


async def test_whose_word_is_void_is_told_below_the_card_once(shop: Scene) -> None:
    number, card = await opened(shop)
    progress = await progress_of(shop, number)
    for _ in range(2):
        await shop.releases.context.notices.void(progress, WHO, "Ben pushed", key="voided:2")
    (reply,) = [m for m in there(shop, GENERAL) if m.thread_ts == card.ts and m.ts != card.ts]
    assert f"<@{CHLOE}> <@{DAN}>" in reply.text
    assert "Ben pushed" in reply.text


async def test_what_voids_where_nobody_has_spoken_mentions_nobody(shop: Scene) -> None:
    number, card = await opened(shop)
    progress = await progress_of(shop, number)
    await shop.releases.context.notices.void(progress, (), "Ben pushed", key="taken-off:1")
    (reply,) = [m for m in there(shop, GENERAL) if m.thread_ts == card.ts and m.ts != card.ts]
    assert reply.text == f"*P-{number}*: Ben pushed."
