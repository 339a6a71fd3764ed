"""The dispatcher's side: who leads, what is behind, what was posted."""

from dataclasses import replace
from datetime import UTC, datetime

from qbot.domain.changes import CardChanged, CardsContinued
from qbot.domain.names import OpId
from qbot.domain.operation import BoardRow, CardRow
from qbot.domain.progress import Continued, End, Kind, Step
from qbot.store.cards import SqlCards
from tests.clocks import HandClock
from tests.store.wishes import SYNC, Wishes


async def card(cards: SqlCards, op: OpId) -> CardRow:
    found = await cards.card(op)
    assert found
    return found


async def test_one_dispatcher_leads_until_its_lease_ends(wishes: Wishes) -> None:
    cards = wishes.database.cards
    assert await cards.lead("a", 30)
    assert not await cards.lead("b", 30)
    assert await cards.lead("a", 30)
    assert await cards.lead("a", 0)
    assert await cards.lead("b", 30)
    assert not await cards.lead("a", 30)


async def test_letting_go_of_a_lease_that_another_holds_takes_nothing(wishes: Wishes) -> None:
    cards = wishes.database.cards
    assert await cards.lead("a", 30)
    assert not await cards.lead("b", 0)
    assert not await cards.lead("b", 30)


async def test_a_posted_card_is_not_behind_until_it_changes(wishes: Wishes) -> None:
    cards, op = wishes.database.cards, (await wishes.create("a")).id
    (claim,) = await wishes.claim()
    assert [c.op for c in await cards.behind()] == [op]
    await cards.trying(op, end=False)
    assert (await card(cards, op)).trying
    await cards.posted(op, end=False, channel="C9", ts="1.2", version=1, shown_hash="h1")
    assert await cards.behind() == []
    posted = await card(cards, op)
    assert (posted.trying, posted.posted_channel, posted.ts) == (False, "C9", "1.2")
    assert (posted.shown, posted.shown_hash) == (1, "h1")
    assert claim.operation.progress
    await wishes.journal.report(claim, replace(claim.operation.progress, step=Step.DEPLOYING))
    assert [c.version for c in await cards.behind()] == [2]
    await cards.shown(op, version=2, shown_hash="h2")
    assert await cards.behind() == []


async def test_an_ended_card_is_behind_until_its_end_is_told(wishes: Wishes) -> None:
    cards, op = wishes.database.cards, (await wishes.create("a")).id
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.FAILED, "")
    await cards.posted(op, end=False, channel="C9", ts="1.2", version=2, shown_hash="h")
    assert [c.op for c in await cards.behind()] == [op]
    await cards.trying(op, end=True)
    assert (await card(cards, op)).trying_end
    await cards.posted(op, end=True, channel="C9", ts="1.3", version=2, shown_hash="h")
    assert await cards.behind() == []
    told = await card(cards, op)
    assert (told.ts, told.end_ts, told.trying_end) == ("1.2", "1.3", False)


async def test_ended_cards_come_first(wishes: Wishes, clock: HandClock) -> None:
    first, second = await wishes.create("a"), await wishes.create("b")
    clock.advance(1)
    claims = {c.operation.id: c for c in await wishes.claim()}
    await wishes.journal.finish(claims[second.id], End.FAILED, "")
    behind = await wishes.database.cards.behind()
    assert [c.op for c in behind] == [second.id, first.id]
    assert behind[0].changed_at == clock.now()


async def test_a_card_that_is_left_is_not_behind_until_it_changes(wishes: Wishes) -> None:
    cards, create = wishes.database.cards, await wishes.create("a")
    await cards.leave(create.id, version=1, end=True)
    assert await cards.behind() == []
    assert (await card(cards, create.id)).end_ts == ""
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    (row,) = await cards.behind()
    await cards.leave(row.op, version=row.version, end=False)
    (row,) = await cards.behind()
    await cards.leave(row.op, version=row.version, end=True)
    assert await cards.behind() == []


async def test_a_moved_card_is_posted_anew(wishes: Wishes) -> None:
    cards, op = wishes.database.cards, (await wishes.create("a")).id
    await cards.posted(op, end=False, channel="C1", ts="1.2", version=1, shown_hash="h")
    await cards.move(op, "UANA")
    (moved,) = await cards.behind()
    assert (moved.channel, moved.posted_channel, moved.ts, moved.shown) == ("UANA", "", "", 0)


async def test_running_cards_are_those_of_operations_that_go_on(wishes: Wishes) -> None:
    env = await wishes.living("a")
    create = await wishes.create("b")
    await wishes.claim()
    sync = (await wishes.submit(env, SYNC)).operation
    await wishes.database.cards.posted(
        create.id, end=False, channel="C1", ts="1", version=1, shown_hash=""
    )
    assert [c.op for c in await wishes.database.cards.running()] == [create.id, sync.id]


async def test_a_board_is_kept_per_channel(wishes: Wishes) -> None:
    cards = wishes.database.cards
    began = BoardRow("C1", trying_since=datetime(2026, 1, 5, 9, 0, 0, 250, tzinfo=UTC))
    await cards.save_board(began)
    assert await cards.boards() == [began]
    await cards.save_board(BoardRow("C2", "2.0", "h2"))
    await cards.save_board(BoardRow("C1", "1.0", "h1"))
    assert await cards.boards() == [BoardRow("C1", "1.0", "h1"), BoardRow("C2", "2.0", "h2")]


async def test_a_card_is_behind_once_the_one_that_follows_it_can_be_linked_to(
    wishes: Wishes, clock: HandClock
) -> None:
    env, cards = await wishes.living("a"), wishes.database.cards
    await wishes.submit(env, SYNC)
    (claim,) = await wishes.claim()
    assert claim.operation.progress
    failed = replace(claim.operation.progress, end=End.FAILED)
    await wishes.journal.finish(claim, End.FAILED, "", [CardChanged(failed)])
    newer = (await wishes.submit(env, SYNC)).operation
    (again,) = await wishes.claim()
    by = Continued(Kind.SYNC, again.operation.actor, clock.now())
    await wishes.journal.commit(again, "begin", 1, [CardsContinued(env, by)])
    before = await card(cards, claim.operation.id)
    assert before.followed_by == newer.id
    await cards.shown(before.op, version=before.version, shown_hash="h")
    await cards.posted(newer.id, end=False, channel="C9", ts="1.2", version=1, shown_hash="n")
    after = await card(cards, before.op)
    assert (after.shown, after.version) == (before.version, before.version + 1)
