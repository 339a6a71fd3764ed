"""Promotions in engines: they nap without a task, take turns, and keep their place in a crash."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from qbot.domain.names import OpId, ServiceName
from qbot.domain.operation import OpState
from qbot.domain.progress import End
from qbot.domain.promotion import DECISION
from qbot.operations.engine import Cancelled, Engine, Outcome, Run
from tests.operations.engine.shop import Outside, Shop
from tests.store.promoting import SCOPE, ask
from tests.store.wishes import BEN, until


class Deciding:
    """Asks until a vote is there, takes the lock, asks again, and works under the lock."""

    def __init__(self) -> None:
        self.outside = Outside()
        self.votes: set[OpId] = set()
        self.looks = 0
        self.go = asyncio.Event()
        self.inside: list[OpId] = []
        self.most = 0

    async def __call__(self, run: Run) -> Outcome:
        op = run.operation.id
        await run.step("propose", self.outside.do("propose"))
        while True:
            self.looks += 1
            if op in self.votes:
                await run.acquire(SCOPE, first=False)
                if op in self.votes:
                    break
                await run.let_go()
            await run.nap(DECISION, 3600)
        self.inside.append(op)
        self.most = max(self.most, len(self.inside))
        await self.go.wait()
        await run.step("merge", self.outside.do("merge"))
        self.inside.remove(op)
        return Outcome(End.SUCCEEDED)

    async def vote(self, shop: Shop, op: OpId) -> None:
        self.votes.add(op)
        await shop.wishes.journal.signal(op, DECISION, f"vote {len(self.votes)}", {})


async def promotion(shop: Shop, number: int = 0) -> OpId:
    return (await ask(shop.wishes, ServiceName(f"s{number}"))).id


async def in_state(shop: Shop, op: OpId, state: OpState) -> None:
    async def look() -> bool:
        return (await shop.wishes.operation(op)).state is state

    await until(look)


async def unwound(engine: Engine) -> None:
    async def look() -> bool:
        return engine.running == 0

    await until(look)


async def test_a_nap_keeps_no_task_and_ends_with_a_vote(shop: Shop) -> None:
    deciding = Deciding()
    deciding.go.set()
    engine = await shop.engine(deciding)
    op = await promotion(shop)
    await in_state(shop, op, OpState.WAITING)
    await unwound(engine)
    await deciding.vote(shop, op)
    assert (await shop.ended(op)).end is End.SUCCEEDED
    assert deciding.outside.done == ["propose", "merge"]


async def test_many_naps_leave_nothing_in_the_journal(shop: Shop) -> None:
    deciding = Deciding()
    await shop.engine(deciding)
    op = await promotion(shop)
    for number in range(4):
        await in_state(shop, op, OpState.WAITING)
        looks = deciding.looks
        await shop.wishes.journal.signal(op, DECISION, f"nothing {number}", {})
        await until(partial(_more, deciding, looks))
    await in_state(shop, op, OpState.WAITING)
    assert await shop.wishes.look("select name from op_steps") == [{"name": "propose"}]


async def _more(deciding: Deciding, looks: int) -> bool:
    return deciding.looks > looks


async def test_time_ends_a_nap(shop: Shop) -> None:
    deciding = Deciding()
    await shop.engine(deciding)
    op = await promotion(shop)
    await in_state(shop, op, OpState.WAITING)
    looks = deciding.looks
    shop.clock.advance(timedelta(hours=1).total_seconds())
    await until(lambda: _more(deciding, looks))


async def test_two_workers_never_work_under_one_lock_together(shop: Shop) -> None:
    deciding = Deciding()
    deciding.go.set()
    await shop.engine(deciding)
    await shop.engine(deciding, worker="b")
    ops = [await promotion(shop, number) for number in range(8)]
    await asyncio.gather(*(deciding.vote(shop, op) for op in ops))
    for op in ops:
        assert (await shop.ended(op)).end is End.SUCCEEDED
    assert deciding.most == 1
    assert deciding.outside.done.count("merge") == len(ops)


async def test_a_kill_while_one_queues_changes_nothing(shop: Shop) -> None:
    deciding = Deciding()
    first = await shop.engine(deciding)
    one, two = await promotion(shop, 1), await promotion(shop, 2)
    await deciding.vote(shop, one)
    await until(lambda: _inside(deciding, one))
    await in_state(shop, two, OpState.WAITING)  # before it was begun it was queued, too
    await deciding.vote(shop, two)
    await in_state(shop, two, OpState.QUEUED)
    assert (await shop.card(two)).progress.headline == "Waits until P-1 has ended."
    await shop.kill(first)
    deciding.inside.clear()
    await shop.engine(deciding, worker="b")
    await until(lambda: _inside(deciding, one))
    assert deciding.inside == [one]
    deciding.go.set()
    for op in (one, two):
        assert (await shop.ended(op)).end is End.SUCCEEDED
    assert deciding.outside.done.count("propose") == 2


async def _inside(deciding: Deciding, op: OpId) -> bool:
    return op in deciding.inside


async def test_a_wish_to_cancel_reaches_one_in_the_queue(shop: Shop) -> None:
    deciding = Deciding()
    await shop.engine(deciding)
    one, two = await promotion(shop, 1), await promotion(shop, 2)
    await deciding.vote(shop, one)
    await until(lambda: _inside(deciding, one))
    await in_state(shop, two, OpState.WAITING)  # before it was begun it was queued, too
    await deciding.vote(shop, two)
    await in_state(shop, two, OpState.QUEUED)
    assert await shop.wishes.journal.request_cancel(two, BEN)
    assert (await shop.ended(two)).end is End.CANCELLED
    assert deciding.inside == [one]


async def test_a_wish_to_cancel_reaches_one_that_naps(shop: Shop) -> None:
    deciding = Deciding()
    await shop.engine(deciding)
    op = await promotion(shop)
    await in_state(shop, op, OpState.WAITING)
    assert await shop.wishes.journal.request_cancel(op, BEN)
    assert (await shop.ended(op)).end is End.CANCELLED


@pytest.mark.parametrize("ignoring", [False, True])
async def test_what_is_merged_takes_its_turn_in_spite_of_a_wish_to_cancel(
    shop: Shop, *, ignoring: bool
) -> None:
    async def handler(run: Run) -> Outcome:
        run.ask_to_cancel()
        try:
            if ignoring:
                with run.ignoring_cancel():
                    await run.acquire(SCOPE, first=True)
            else:
                await run.acquire(SCOPE, first=True)
        except Cancelled:
            return Outcome(End.CANCELLED)
        return Outcome(End.SUCCEEDED)

    await shop.engine(handler)
    ended = await shop.ended(await promotion(shop))
    assert ended.end is (End.SUCCEEDED if ignoring else End.CANCELLED)


async def test_a_run_knows_what_it_has_recorded_itself(shop: Shop) -> None:
    outside = Outside()

    async def handler(run: Run) -> Outcome:
        before = run.has("one")
        await run.step("one", outside.do("one"))
        first = await run.deadline("late", 60)
        shop.clock.advance(10)
        again = await run.deadline("late", 60)
        return Outcome(End.SUCCEEDED, f"{before} {run.has('one')} {first == again}")

    await shop.engine(handler)
    assert (await shop.ended(await promotion(shop))).headline == "False True True"
