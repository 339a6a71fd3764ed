"""What the engine tells of its operations."""

import asyncio
from datetime import timedelta

from qbot.domain.lease import Lease
from qbot.domain.progress import End, Kind
from qbot.errors import UserError
from qbot.operations.engine import Outcome, Run
from tests.clocks import HandClock
from tests.operations.engine.shop import DONE, Shop
from tests.store.wishes import until


class Told:
    """Keeps it."""

    def __init__(self) -> None:
        self.ends: list[tuple[Kind, End, float]] = []
        self.carried: list[int] = []
        self.leases: list[str] = []

    def ended(self, kind: Kind, end: End, seconds: float) -> None:
        self.ends.append((kind, end, seconds))

    def carrying(self, operations: int) -> None:
        self.carried.append(operations)

    def taken_over(self, operations: int) -> None:
        self.leases.append(f"took {operations}")

    def lost(self) -> None:
        self.leases.append("lost")

    def lapsed(self) -> None:
        self.leases.append("lapsed")


async def test_each_end_is_told_once_with_the_time_since_it_was_asked_for(
    shop: Shop, clock: HandClock
) -> None:
    told, inside, go = Told(), asyncio.Event(), asyncio.Event()

    async def handler(run: Run) -> Outcome:
        if len(told.ends):
            raise UserError("no")
        inside.set()
        await go.wait()
        return DONE

    first = (await shop.wishes.create("a")).id
    clock.advance(timedelta(minutes=2).total_seconds())
    await shop.engine(handler, meter=told)
    await inside.wait()
    assert told.carried[-1] == 1
    clock.advance(60)
    go.set()
    await shop.ended(first)
    await until(lambda: _said(len(told.ends) == 1))
    await shop.ended((await shop.wishes.create("b")).id)
    await until(lambda: _said(told.carried[-1] == 0))
    assert told.ends == [(Kind.CREATE, End.SUCCEEDED, 180.0), (Kind.CREATE, End.FAILED, 0.0)]
    assert told.leases == []


async def _said(true: bool) -> bool:
    return true


async def test_a_takeover_is_told_by_both_once_the_first_one_is_back(shop: Shop) -> None:
    old, new, begun = Told(), Told(), asyncio.Event()

    async def stuck(_: Run) -> Outcome:
        begun.set()
        await asyncio.Event().wait()
        return DONE

    async def healthy(_: Run) -> Outcome:
        return DONE

    first = await shop.engine(stuck, worker="a", meter=old)
    op = (await shop.wishes.create("a")).id
    await begun.wait()
    for task in first._loops:
        task.cancel()
    await asyncio.gather(*first._loops, return_exceptions=True)  # one may be renewing its lease
    await shop.wishes.look("delete from workers where id = 'a'")
    await shop.engine(healthy, worker="b", meter=new)
    await shop.ended(op)
    await first._renew()
    await until(lambda: _said(first.running == 0))
    assert new.leases == ["took 1"]
    assert old.leases == ["lost"]
    assert old.ends == []


async def test_a_lease_that_lapsed_is_told_when_it_is_taken_anew(shop: Shop) -> None:
    told, now = Told(), [0.0]

    async def handler(_: Run) -> Outcome:
        return DONE

    lease = Lease(30.0, time=lambda: now[0])
    engine = await shop.engine(handler, lease=lease, beat=0.01, meter=told)
    assert told.leases == []
    now[0] = 31.0
    await until(lambda: _said(bool(told.leases)))
    await engine._renew()
    assert told.leases == ["lapsed"]
