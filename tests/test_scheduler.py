"""Ticks: they survive errors, and each fires once in a process."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from qbot.errors import TransientError
from qbot.gateways.clock import SystemClock
from qbot.scheduler import Scheduler, Tick
from tests.clocks import HandClock


class Housekeeping:
    """Counts; raises what it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.ran = 0
        self.event = asyncio.Event()

    async def forget_old(self) -> int:
        self.ran += 1
        self.event.set()
        if self.error:
            raise self.error
        return 0


async def tick(scheduler: Scheduler) -> None:
    """Call the job as APScheduler does."""
    (job,) = scheduler._scheduler.get_jobs()
    await job.func()


@pytest.mark.parametrize(
    ("error", "level"), [(TransientError("the database is away"), "warning"), (KeyError(), "error")]
)
async def test_a_tick_survives_what_goes_wrong_in_it(error: Exception, level: str) -> None:
    housekeeping = Housekeeping()
    scheduler = Scheduler([Tick("forget", housekeeping.forget_old, minute="17")])
    housekeeping.error = error
    with capture_logs() as logs:
        await tick(scheduler)
    assert [(e["event"], e["log_level"], e["tick"]) for e in logs] == [
        ("tick failed", level, "forget")
    ]
    housekeeping.error = None
    await tick(scheduler)
    assert housekeeping.ran == 2


async def test_a_tick_that_is_due_fires_once_and_none_after_the_stop() -> None:
    housekeeping = Housekeeping()
    scheduler = Scheduler([Tick("forget", housekeeping.forget_old, minute="17")])
    scheduler.start()
    (job,) = scheduler._scheduler.get_jobs()
    assert job.next_run_time.minute == 17
    job.modify(next_run_time=SystemClock().now())
    async with asyncio.timeout(5):
        await housekeeping.event.wait()
    (job,) = scheduler._scheduler.get_jobs()
    assert job.next_run_time > SystemClock().now()
    assert housekeeping.ran == 1
    scheduler.stop()
    await asyncio.sleep(0)
    assert not scheduler._scheduler.running


async def test_a_clock_that_leapt_brings_each_tick_once_in_their_order() -> None:
    clock, seen = HandClock(), list[str]()

    def work(name: str) -> Callable[[], Awaitable[object]]:
        async def note() -> None:
            seen.append(name)

        return note

    names = ("sweep", "reap")
    scheduler = Scheduler([Tick(n, work(n), minute="17") for n in names], clock=clock)
    scheduler.start()
    for leap in (0.0, 30.0, 30.0):
        await asyncio.sleep(0)
        clock.advance(leap)
    assert not seen
    for _ in range(9):
        await asyncio.sleep(0)
    clock.advance(4 * 3_600)
    for _ in range(9):
        await asyncio.sleep(0)
    assert seen == ["sweep", "reap"]
    scheduler.stop()
    await asyncio.sleep(0)


async def test_a_clock_that_leaps_while_ticks_are_under_way_brings_each_once_more() -> None:
    clock, begun, answered = HandClock(), list[int](), asyncio.Event()

    async def work() -> None:
        begun.append(len(begun))
        await answered.wait()

    scheduler = Scheduler([Tick("sweep", work, minute="17")], clock=clock)
    scheduler.start()
    for _ in range(2):
        await clock.asleep()
        clock.advance(3_600)
    await clock.asleep()
    assert begun == [0]
    answered.set()
    clock.advance(30)
    await clock.asleep()
    assert begun == [0, 1]
    scheduler.stop()
    await asyncio.sleep(0)
