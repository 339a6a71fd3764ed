"""Freezes, locks and holds from Slack, and what is told by itself."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from qbot.domain import actions
from qbot.domain.people import Actor
from qbot.sandbox.slack.seed import TEAM
from qbot.slack.releases.chores import Chores
from tests.clocks import HandClock
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, DAN, GENERAL, SECRET
from tests.slack.releases.stages import PRODUCTION, STAGES, held
from tests.slack.scene import Scene


def public(scene: Scene) -> list[str]:
    """What everybody sees in the channel."""
    found = scene.played.slack.world.channels[GENERAL].messages.values()
    return [m.text for m in found if not m.only_for]


async def test_a_freeze_is_told_to_the_channel_and_ends(shop: Scene) -> None:
    assert await shop.type("freeze production --until 2h incident 42", CHLOE) is None
    await shop.settled()
    (freeze,) = await shop.releases.context.promotions.freezes(PRODUCTION)
    assert freeze.until is not None
    assert freeze.until - freeze.since == timedelta(hours=2)
    assert "incident 42" in public(shop)[-1]
    again = await shop.type("freeze production more", DAN)
    assert again is not None
    assert "is frozen already" in again.text
    assert await shop.type("unfreeze production", DAN) is None
    assert await shop.releases.context.promotions.freezes(PRODUCTION) == []


async def test_where_qbot_does_not_see_who_reads_a_freeze_is_told_to_one_person(
    shop: Scene,
) -> None:
    assert await shop.type("freeze production incident 42", CHLOE, SECRET) is None
    await shop.settled()
    assert len(await shop.releases.context.promotions.freezes(PRODUCTION)) == 1
    messages = shop.played.slack.world.channels[SECRET].messages.values()
    told = [m for m in messages if "incident 42" in m.text]
    assert [m.only_for for m in told] == [CHLOE]


async def test_who_may_not_freeze_is_told_who_may_and_it_is_audited(shop: Scene) -> None:
    answer = await shop.type("freeze production because", BEN)
    assert answer is not None
    assert "those who may approve for that stage (`release-managers`)" in answer.text
    ((user, outcome, detail),) = await shop.audited("freeze.requested")
    assert (user, outcome, detail["rule"]) == (BEN, "refused", "approver")
    assert shop.counted("approver") == 1


async def test_a_moment_without_a_zone_is_the_installations(shop: Scene) -> None:
    await shop.type("freeze production --until 2099-12-24T18:00 christmas", CHLOE)
    (freeze,) = await shop.releases.context.promotions.freezes(PRODUCTION)
    assert freeze.until is not None
    local = freeze.until.astimezone(ZoneInfo("Europe/Berlin"))
    assert (local.hour, local.minute) == (18, 0)
    past = await shop.type("freeze staging --until 2001-12-24 christmas", CHLOE)
    assert past is not None
    assert "is past already" in past.text


async def test_a_lock_names_its_owner_and_tells_when_it_is_free(shop: Scene) -> None:
    refused = await shop.type("lock production mine", BEN)
    assert refused is not None
    assert "for those who may approve for that stage (`release-managers`)" in refused.text
    assert await shop.type("lock production --for 2h load test", DAN) is None
    other = await shop.type("lock production mine", CHLOE)
    assert other is not None
    assert "load test" in other.text
    await shop.press(other, actions.TELL_FREE, STAGES[1].scope, BEN)
    assert "as soon as *production* is free" in shop.private(BEN)[-1].text
    denied = await shop.type("unlock production", BEN)
    assert denied is not None
    assert await shop.type("unlock production", DAN) is None
    await shop.settled()
    assert "*production* is free now" in shop.direct(BEN)[-1].text
    assert await shop.releases.context.promotions.awaited() == []


async def test_a_manager_ends_somebody_elses_lock(shop: Scene) -> None:
    await shop.type("lock production mine", DAN)
    assert await shop.type("unlock production", CHLOE) is None
    assert await shop.releases.context.promotions.locks() == []


async def test_environments_can_be_locked_too(shop: Scene) -> None:
    await shop.environment("feat/x", BEN)
    await shop.type("lock feat/x demo", ANA)
    answer = await shop.type("sync feat/x", BEN)
    assert answer is not None
    assert "locked: demo" in answer.text
    other = await shop.type("unlock feat/x", CHLOE)
    assert other is not None
    assert "for whoever locked it, and for the environment's owner." in other.text
    assert await shop.type("unlock feat/x", BEN) is None  # its owner may


def chores(scene: Scene, *, days: int = 0, hour: int = 12) -> Chores:
    """As the app builds them, at this hour of a later day: two days later a day has passed."""
    day = scene.database.clock.now() + timedelta(days=days)
    clock = HandClock(day.replace(hour=hour, minute=0))
    return Chores(
        promotions=scene.releases.context.promotions, obstacles=scene.releases.obstacles,
        store=scene.database.store, slack=scene.slack, clock=clock,
        style=scene.desk.style, zone=ZoneInfo("UTC"),
    )  # fmt: skip


async def test_who_waits_is_told_when_the_locks_time_is_over(shop: Scene) -> None:
    await shop.type("lock production --for 1h load test", DAN)
    promotions = shop.releases.context.promotions
    await promotions.await_free(STAGES[1].scope, Actor(TEAM, BEN))
    await chores(shop).locks()
    assert shop.direct(BEN) == []
    await promotions.unlock(STAGES[1].scope, Actor(TEAM, DAN), force=False)
    for _ in range(2):
        await chores(shop).locks()
    assert len(shop.direct(BEN)) == 1


async def test_held_services_are_recalled_once_a_day_to_whoever_holds_them(shop: Scene) -> None:
    await held(shop)
    await chores(shop).holds()
    assert shop.direct(CHLOE) == []  # since today only
    for _ in range(2):  # as on two replicas
        await chores(shop, days=2).holds()
    assert len(shop.direct(CHLOE)) == 1
    assert "release production cart" in shop.direct(CHLOE)[0].text
    await chores(shop, days=3).holds()
    assert len(shop.direct(CHLOE)) == 2
    assert await shop.type("release production cart", DAN) is None
    assert await shop.releases.context.promotions.holds() == []
    await chores(shop, days=4).holds()
    assert len(shop.direct(CHLOE)) == 2


def away(scene: Scene, times: int) -> None:
    """Slack refuses the next messages, as often as it is tried."""
    scene.played.kernel.faults.add("slack", "chat.postMessage", "503", times)


async def test_a_reminder_that_slack_did_not_take_is_tried_again_the_same_day(shop: Scene) -> None:
    await held(shop)
    away(shop, 500)
    await chores(shop, days=2).holds()
    shop.played.kernel.faults.clear()
    assert shop.direct(CHLOE) == []
    for _ in range(2):
        await chores(shop, days=2, hour=13).holds()
    assert len(shop.direct(CHLOE)) == 1


async def test_a_reminder_that_may_have_arrived_is_not_sent_again_in_the_same_hour(
    shop: Scene,
) -> None:
    await held(shop)
    shop.played.kernel.faults.add("slack", "chat.postMessage", "drop-after", 500)
    for _ in range(3):
        await chores(shop, days=2).holds()
    shop.played.kernel.faults.clear()
    assert len(shop.direct(CHLOE)) == 1
    await chores(shop, days=2, hour=13).holds()
    assert len(shop.direct(CHLOE)) == 2


async def test_nobody_is_reminded_at_night(shop: Scene) -> None:
    await held(shop)
    for hour in (0, 8, 18, 23):
        await chores(shop, days=2, hour=hour).holds()
    assert shop.direct(CHLOE) == []
    await chores(shop, days=2, hour=9).holds()
    assert len(shop.direct(CHLOE)) == 1


async def test_who_could_not_be_told_that_a_lock_is_over_waits_on(shop: Scene) -> None:
    promotions = shop.releases.context.promotions
    await promotions.await_free(STAGES[1].scope, Actor(TEAM, BEN))
    away(shop, 500)
    await chores(shop).locks()
    shop.played.kernel.faults.clear()
    for _ in range(2):
        await chores(shop).locks()
    assert len(shop.direct(BEN)) == 1


async def test_whom_slack_does_not_know_any_more_is_not_tried_for_ever(shop: Scene) -> None:
    promotions = shop.releases.context.promotions
    await promotions.await_free(STAGES[1].scope, Actor(TEAM, "UGONE"))
    await chores(shop).locks()
    assert await promotions.awaited() == []


async def test_whom_slack_never_takes_a_message_for_is_given_up_after_an_hour(shop: Scene) -> None:
    promotions, obstacles = shop.releases.context.promotions, shop.releases.obstacles
    await promotions.await_free(STAGES[1].scope, Actor(TEAM, BEN))
    for _ in range(60):
        (freed,) = await obstacles.free_again()
        await obstacles.not_told(freed, freed.waiting)
    assert await obstacles.free_again() == []
