"""Dry runs beside operations: a few at a time, and after whoever waits for an acknowledgement."""

import asyncio

from qbot.domain.inputs import SyncInput, is_dry
from qbot.domain.names import OpId
from qbot.operations.engine import Outcome, Run
from qbot.operations.giving_way import GivingWay
from tests.operations.engine.shop import DONE, Shop
from tests.store.wishes import until

DRY = SyncInput(dry_run=True)


class Held:
    """Dry runs go on when they are let; all else ends at once."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.under_way = 0
        self.most = 0
        self.began = 0.0

    async def __call__(self, run: Run) -> Outcome:
        if is_dry(run.operation.input):
            self.began = asyncio.get_running_loop().time()
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await self.go.wait()
            self.under_way -= 1
        return DONE


async def previews(shop: Shop, count: int) -> list[OpId]:
    env = await shop.wishes.living("a")
    return [(await shop.wishes.submit(env, DRY)).operation.id for _ in range(count)]


async def test_dry_runs_run_a_few_at_a_time_and_all_of_them_end(shop: Shop) -> None:
    held, dry = Held(), await previews(shop, 5)
    real = await shop.wishes.create("b")
    await shop.engine(held, max_previews=2)
    await shop.ended(real.id)  # it was asked for last, and waits for none of them
    held.go.set()
    for op in dry:
        await shop.ended(op)
    assert held.most == 2


async def test_many_dry_runs_take_no_place_of_an_operation(shop: Shop) -> None:
    held = Held()
    await previews(shop, 3)
    await shop.engine(held, max_running=1, max_previews=3)

    async def all_begun() -> bool:
        return held.under_way == 3

    await until(all_begun)
    await shop.ended((await shop.wishes.create("b")).id)


async def test_dry_runs_begin_when_nobody_has_asked_for_a_moment(shop: Shop) -> None:
    held, env = Held(), await shop.wishes.living("a")
    held.go.set()
    engine = await shop.engine(held)
    engine.heard()
    asked = asyncio.get_running_loop().time()
    dry = await shop.wishes.submit(env, DRY)
    real = await shop.wishes.create("b")
    await shop.ended(real.id)
    await shop.ended(dry.operation.id)
    assert held.began - asked > 0.2


async def test_who_gives_way_is_called_once_it_is_quiet() -> None:
    quiet = asyncio.Event()
    giving_way = GivingWay(quiet.set)
    giving_way.heard()
    giving_way.heard()
    assert not giving_way.over
    await quiet.wait()
    assert giving_way.over


async def test_dry_runs_begin_although_somebody_keeps_asking() -> None:
    giving_way = GivingWay(lambda: None, longest=0.0)
    giving_way.heard()
    assert giving_way.over
    giving_way.stop()


async def test_what_a_process_that_stands_still_cannot_hear_is_not_quiet() -> None:
    quiet = asyncio.Event()
    giving_way = GivingWay(quiet.set)
    giving_way.heard()
    giving_way._quiet(asyncio.get_running_loop().time() - 1)  # so late was the timer
    assert not giving_way.over
    assert not quiet.is_set()
    giving_way.stop()
