"""Long waits are rows: no task stays, and the run starts anew when it is woken."""

import asyncio

import pytest

from qbot.domain.operation import OpState
from qbot.domain.progress import End
from qbot.operations.engine import Engine, Outcome, Run
from tests.clocks import HandClock
from tests.operations.engine.shop import Outside, Shop
from tests.store.wishes import BEN, until


class Voting:
    """A handler that asks, waits an hour for a vote, and tells."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.outside = Outside()

    async def __call__(self, run: Run) -> Outcome:
        await run.step("ask", self.outside.do("ask"))
        until = await run.deadline("until", 3600)
        await run.nap("vote", (until - self.clock.now()).total_seconds())
        await run.step("tell", self.outside.do("tell"))
        return Outcome(End.SUCCEEDED)


async def waiting(shop: Shop, engine: Engine, op: str) -> None:
    async def look() -> bool:
        (row,) = await shop.wishes.look("select state from operations where id = ?", op)
        return row["state"] == OpState.WAITING.value and engine.running == 0

    await until(look)


async def test_a_signal_carries_the_operation_on(shop: Shop) -> None:
    voting = Voting(shop.clock)
    engine = await shop.engine(voting)
    op = (await shop.wishes.create("a")).id
    await waiting(shop, engine, op)
    await shop.wishes.journal.signal(op, "vote", "click-1", {"ok": True})
    await shop.ended(op)
    assert voting.outside.done == ["ask", "tell"]


async def test_a_wait_outlives_its_worker(shop: Shop) -> None:
    voting = Voting(shop.clock)
    first = await shop.engine(voting)
    op = (await shop.wishes.create("a")).id
    await waiting(shop, first, op)
    await shop.kill(first)
    await shop.wishes.journal.signal(op, "vote", "click-1", {"ok": True})
    await shop.engine(voting, worker="b")
    await shop.ended(op)
    assert voting.outside.done == ["ask", "tell"]


async def test_time_ends_a_wait(shop: Shop) -> None:
    voting = Voting(shop.clock)
    engine = await shop.engine(voting)
    op = (await shop.wishes.create("a")).id
    await waiting(shop, engine, op)
    shop.clock.advance(3601)
    await shop.ended(op)
    assert voting.outside.done == ["ask", "tell"]


async def test_a_wish_to_cancel_ends_a_wait(shop: Shop) -> None:
    voting = Voting(shop.clock)
    engine = await shop.engine(voting)
    op = (await shop.wishes.create("a")).id
    await waiting(shop, engine, op)
    await shop.wishes.journal.request_cancel(op, BEN)
    assert (await shop.ended(op)).end is End.CANCELLED
    assert voting.outside.done == ["ask"]


async def test_a_wait_is_woken_without_the_pause_that_follows_a_crash(shop: Shop) -> None:
    voting = Voting(shop.clock)
    engine = await shop.engine(voting, settle=1.5)
    op = (await shop.wishes.create("a")).id
    await waiting(shop, engine, op)
    await shop.wishes.journal.signal(op, "vote", "click-1", {"ok": True})
    await shop.ended(op)
    assert shop.clock.sleepers == ()


@pytest.mark.parametrize("delay", [0, 1, 2, 3])
async def test_a_signal_is_not_lost_whenever_it_comes(shop: Shop, delay: int) -> None:
    voting = Voting(shop.clock)
    await shop.engine(voting)
    ops = [(await shop.wishes.create(f"b{n}")).id for n in range(5)]
    for op in ops:
        await asyncio.sleep(delay / 1000)
        await shop.wishes.journal.signal(op, "vote", "click-1", {"ok": True})
    for op in ops:
        await shop.ended(op)
    assert voting.outside.done.count("tell") == len(ops)


async def test_what_was_reported_before_a_wait_is_shown_during_it(shop: Shop) -> None:
    async def handler(run: Run) -> Outcome:
        assert run.progress
        run.report(run.progress)
        run.trouble("a first one")
        run.trouble("nobody has voted")
        await run.nap("vote", 3600)
        return Outcome(End.SUCCEEDED)

    engine = await shop.engine(handler)
    op = (await shop.wishes.create("a")).id
    await waiting(shop, engine, op)
    assert (await shop.card(op)).progress.trouble == "nobody has voted"
