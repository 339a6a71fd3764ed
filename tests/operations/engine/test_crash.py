"""A worker dies at any boundary of a step: its operation goes on, nothing is doubled."""

import asyncio

import pytest

from qbot.domain.progress import End
from qbot.operations.engine import Outcome, Run
from tests.operations.engine.shop import DONE, Hooked, Outside, Shop
from tests.store.wishes import SYNC, until

STEPS = ("project", "base", "web", "cart")


@pytest.mark.parametrize("recorded", [False, True], ids=["before-record", "after-record"])
@pytest.mark.parametrize("step", STEPS)
async def test_no_effect_is_doubled_wherever_the_worker_dies(
    shop: Shop, step: str, *, recorded: bool
) -> None:
    outside = Outside()

    async def handler(run: Run) -> Outcome:
        for name in STEPS[:2]:
            await run.step(name, outside.do(name), find=outside.find(name))
        await run.gather([run.step(n, outside.do(n), find=outside.find(n)) for n in STEPS[2:]])
        return DONE

    op = await shop.crashed(handler, at=step, recorded=recorded)
    await shop.engine(handler, worker="b")
    assert (await shop.ended(op)).end is End.SUCCEEDED
    assert sorted(outside.done) == sorted(STEPS)


async def test_what_is_recorded_is_not_even_looked_for(shop: Shop) -> None:
    looked, outside = [], Outside()

    async def find() -> None:
        looked.append("one")

    async def handler(run: Run) -> Outcome:
        await run.step("one", outside.do("one"), find=find)
        await run.step("two", outside.do("two"))
        return DONE

    op = await shop.crashed(handler, at="one", recorded=True)
    await shop.engine(handler, worker="b")
    await shop.ended(op)
    assert (outside.done, looked) == (["one", "two"], [])


async def test_without_find_the_step_in_flight_runs_again(shop: Shop) -> None:
    outside = Outside()

    async def handler(run: Run) -> Outcome:
        await run.step("one", outside.do("one"))
        return DONE

    op = await shop.crashed(handler, at="one", recorded=False)
    await shop.engine(handler, worker="b")
    await shop.ended(op)
    assert outside.done == ["one", "one"]


async def test_a_new_step_before_an_old_one_finds_its_place(shop: Shop) -> None:
    outside = Outside()

    async def old(run: Run) -> Outcome:
        await run.step("one", outside.do("one"))
        await run.step("two", outside.do("two"))
        return DONE

    async def new(run: Run) -> Outcome:
        await run.step("one", outside.do("one"))
        await run.step("extra", outside.do("extra"))
        await run.step("two", outside.do("two"))
        return DONE

    op = await shop.crashed(old, at="two", recorded=True)
    await shop.engine(new, worker="b")
    await shop.ended(op)
    assert outside.done == ["one", "two", "extra"]


async def test_a_resumed_run_first_lets_land_what_was_on_the_wire(shop: Shop) -> None:
    outside = Outside()

    async def handler(run: Run) -> Outcome:
        await run.step("one", outside.do("one"), find=outside.find("one"))
        return DONE

    op = (await shop.wishes.create("a")).id
    (claim,) = await shop.wishes.claim("dead")
    await shop.engine(handler, settle=1.5)
    await shop.clock.asleep()
    assert shop.clock.sleepers == (1.5,)
    outside.done.append("one")  # the request of the dead run arrives
    shop.clock.advance(1.5)
    await shop.ended(op)
    assert outside.done == ["one"]
    assert claim.fence == 1


async def test_an_operation_that_crashes_its_worker_again_and_again_still_ends(
    shop: Shop,
) -> None:
    outside = Outside()

    async def handler(run: Run) -> Outcome:
        for name in STEPS:
            await run.step(name, outside.do(name), find=outside.find(name))
        return DONE

    op = (await shop.wishes.create("a")).id
    for number, step in enumerate(STEPS):
        hooked = Hooked(shop.wishes.journal, step, recorded=bool(number % 2))
        engine = await shop.engine(handler, worker=f"w{number}", journal=hooked)
        await hooked.reached.wait()
        await shop.kill(engine)
    await shop.engine(handler, worker="last")
    await shop.ended(op)
    assert outside.done == list(STEPS)


async def test_the_queue_behind_a_dead_workers_operation_keeps_its_order(shop: Shop) -> None:
    began: list[str] = []
    stuck = asyncio.Event()

    async def handler(run: Run) -> Outcome:
        began.append(run.operation.id)
        if len(began) == 1:
            stuck.set()
            await asyncio.Event().wait()
        return DONE

    first = await shop.engine(handler)
    create = await shop.wishes.create("a")
    sync = (await shop.wishes.submit(create.env, SYNC)).operation
    await stuck.wait()
    await shop.kill(first)
    await shop.engine(handler, worker="b")
    await shop.ended(sync.id)
    assert began == [create.id, create.id, sync.id]


async def test_the_same_worker_carries_on_what_it_lost_its_task_for(shop: Shop) -> None:
    runs: list[int] = []

    async def handler(run: Run) -> Outcome:
        runs.append(1)
        if len(runs) == 1:
            await asyncio.Event().wait()
        return DONE

    engine = await shop.engine(handler)
    op = (await shop.wishes.create("a")).id

    async def begun() -> bool:
        return bool(runs)

    await until(begun)
    engine._carriers[op].drop()
    assert (await shop.ended(op)).end is End.SUCCEEDED
    assert len(runs) == 2
