"""A lock that is asked for on the way: one holder, order kept, no waking lost; and naps."""

import asyncio
from datetime import timedelta

import pytest

from qbot.domain.names import ServiceName
from qbot.domain.operation import Claim, OpState, Woken
from qbot.domain.ports import Fenced
from qbot.domain.progress import End
from qbot.domain.promotion import DECISION
from tests.clocks import START, HandClock
from tests.store.promoting import SCOPE, begun
from tests.store.wishes import BEN, SYNC, Wishes, ids

LATER = START + timedelta(hours=1)
HELD = Woken()


async def acquire(wishes: Wishes, claim: Claim, *, first: bool = False) -> Woken | None:
    return await wishes.journal.acquire(claim, SCOPE, first=first)


async def nap(wishes: Wishes, claim: Claim) -> Woken | None:
    return await wishes.journal.nap(claim, DECISION, LATER)


async def running(wishes: Wishes, count: int) -> list[Claim]:
    """So many promotions of different services, each in the hands of a worker."""
    return [(await begun(wishes, ServiceName(f"s{number}")))[0] for number in range(count)]


async def headline(wishes: Wishes, claim: Claim) -> str:
    progress = (await wishes.operation(claim.operation.id)).progress
    assert progress
    return progress.headline


async def test_a_promotion_holds_no_lock_before_it_asks(wishes: Wishes) -> None:
    first, second = await running(wishes, 2)
    rows = await wishes.look("select distinct lock_key, state from operations")
    assert rows == [{"lock_key": None, "state": "running"}]
    assert await acquire(wishes, second) == HELD
    assert await acquire(wishes, second) == HELD  # held already
    assert await acquire(wishes, first) is None


async def test_who_does_not_get_it_is_back_in_the_queue_and_says_for_whom(wishes: Wishes) -> None:
    first, second, third = await running(wishes, 3)
    await acquire(wishes, first)
    for claim in (second, third):
        assert await acquire(wishes, claim) is None
        assert (await wishes.operation(claim.operation.id)).state is OpState.QUEUED
    assert await headline(wishes, second) == "Waits until P-1 has ended."
    assert await headline(wishes, third) == "Waits until P-2 has ended."
    assert await wishes.claim() == []
    with pytest.raises(Fenced):
        await acquire(wishes, second)


async def test_turns_come_in_order_and_rollbacks_go_first(wishes: Wishes) -> None:
    holder, early, late, back = await running(wishes, 4)
    await acquire(wishes, holder)
    await acquire(wishes, late)
    await acquire(wishes, early)
    await acquire(wishes, back, first=True)
    order = []
    await wishes.journal.finish(holder, End.SUCCEEDED, "")
    while claims := await wishes.claim():
        assert len(claims) == 1
        order += ids(claims)
        assert await acquire(wishes, claims[0]) == HELD
        await wishes.journal.finish(claims[0], End.SUCCEEDED, "")
    assert order == ids([back, early, late])


async def test_who_comes_late_does_not_pass_those_in_the_queue(wishes: Wishes) -> None:
    holder, queued, late = await running(wishes, 3)
    await acquire(wishes, holder)
    await acquire(wishes, queued)
    await wishes.journal.let_go(holder)
    assert await acquire(wishes, late) is None
    assert ids(await wishes.claim()) == ids([queued])


async def test_letting_go_wakes_the_next_one(wishes: Wishes) -> None:
    holder, queued = await running(wishes, 2)
    await acquire(wishes, holder)
    await acquire(wishes, queued)
    work = asyncio.Event()
    wishes.journal.listen(work=work.set, cancel=lambda: None)
    await wishes.journal.let_go(holder)
    async with asyncio.timeout(5):
        await work.wait()
    (woken,) = await wishes.claim("worker-b")
    assert (woken.operation.id, woken.resumed) == (queued.operation.id, False)
    with pytest.raises(Fenced):
        await wishes.journal.let_go(queued)


async def test_the_lock_outlives_a_dead_worker(wishes: Wishes) -> None:
    holder, queued = await running(wishes, 2)
    await acquire(wishes, holder)
    await acquire(wishes, queued)
    assert (await wishes.beat("worker-b")).taken_over == 1
    (again,) = await wishes.claim("worker-b")
    assert ids([again]) == ids([holder])
    with pytest.raises(Fenced):
        await acquire(wishes, holder)
    assert await acquire(wishes, again) == HELD


async def test_two_that_ask_at_once_never_both_hold_it(wishes: Wishes) -> None:
    claims = await running(wishes, 6)
    for _ in range(6):
        answers = await asyncio.gather(*(acquire(wishes, claim) for claim in claims))
        held = [c for c, a in zip(claims, answers, strict=True) if a]
        assert len(held) == 1
        await wishes.journal.finish(held[0], End.SUCCEEDED, "")
        claims = await wishes.claim()
        if not claims:
            break
        assert len(claims) == 1
    left = await wishes.look("select id from operations where state <> 'done'")
    assert left == []


async def test_a_wish_to_cancel_ends_the_queueing(wishes: Wishes) -> None:
    holder, queued, asking = await running(wishes, 3)
    await acquire(wishes, holder)
    await acquire(wishes, queued)
    for claim in (queued, asking):
        assert await wishes.journal.request_cancel(claim.operation.id, BEN)
    (woken,) = await wishes.claim()
    assert (woken.operation.id, woken.operation.cancel_by) == (queued.operation.id, BEN)
    assert await acquire(wishes, asking) == Woken(cancelled=True)
    assert await wishes.journal.acquire(asking, SCOPE, first=False, heed_cancel=False) is None


async def test_who_has_one_lock_cannot_take_another(wishes: Wishes) -> None:
    await wishes.create("a")
    (claim,) = await wishes.claim()
    with pytest.raises(ValueError, match="asks for"):
        await acquire(wishes, claim)


async def test_a_nap_ends_by_a_signal_and_uses_all_of_them_up(wishes: Wishes) -> None:
    (claim,) = await running(wishes, 1)
    op = claim.operation.id
    assert await nap(wishes, claim) is None
    assert (await wishes.operation(op)).state is OpState.WAITING
    for number in range(3):
        assert await wishes.journal.signal(op, DECISION, f"k{number}", {})
    (woken,) = await wishes.claim()
    assert await nap(wishes, woken) == Woken()
    assert await nap(wishes, woken) is None
    assert woken.steps == {}


async def test_a_nap_ends_by_time(wishes: Wishes, clock: HandClock) -> None:
    (claim,) = await running(wishes, 1)
    await nap(wishes, claim)
    clock.advance(3599)
    assert await wishes.claim() == []
    clock.advance(1)
    (woken,) = await wishes.claim()
    assert woken.resumed is False
    assert await nap(wishes, woken) == Woken()  # not one that lies in the past


async def test_a_nap_ends_by_a_wish_to_cancel(wishes: Wishes) -> None:
    (claim,) = await running(wishes, 1)
    await nap(wishes, claim)
    assert await wishes.journal.request_cancel(claim.operation.id, BEN)
    (woken,) = await wishes.claim()
    assert await nap(wishes, woken) == Woken(cancelled=True)
    assert await wishes.journal.nap(woken, DECISION, LATER, heed_cancel=False) is None


async def test_a_nap_holds_no_lock(wishes: Wishes) -> None:
    holder, queued = await running(wishes, 2)
    await acquire(wishes, holder)
    await acquire(wishes, queued)
    await nap(wishes, holder)
    assert ids(await wishes.claim()) == ids([queued])
    with pytest.raises(Fenced):
        await nap(wishes, holder)


async def test_environments_are_not_held_up_by_stages(wishes: Wishes) -> None:
    env = await wishes.living("a")
    (holder,) = await running(wishes, 1)
    await acquire(wishes, holder)
    sync = (await wishes.submit(env, SYNC)).operation
    assert ids(await wishes.claim()) == [sync.id]
    (row,) = await wishes.database.store.environments()
    assert row.operation
    assert row.operation.id == sync.id
