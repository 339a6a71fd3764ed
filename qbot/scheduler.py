"""In: time. APScheduler is a clock only: what it starts must be harmless on every replica."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from qbot.domain.ports import Clock
from qbot.domain.subjects import Subject, of_job
from qbot.errors import TransientError

_LOOK = 30.0  # seconds between two looks at the clock
_LEAP = timedelta(minutes=2)  # by which it is ahead of those at least, where it leapt
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tick:
    """Something that is done again and again, at these minutes of these hours."""

    name: str
    work: Callable[[], Awaitable[object]]
    minute: str
    hour: str = "*"


class Scheduler:
    """Ticks. Every replica has one: nothing is shared, so nothing is fired three times.

    APScheduler counts the machine's time. A clock that leapt, as after a machine slept or where
    the sandbox moves it, has passed ticks over: each comes once, in their order.
    """

    def __init__(
        self, ticks: Sequence[Tick], *, zone: str = "UTC", clock: Clock | None = None
    ) -> None:
        """Build; `zone` is whose hours are meant, `clock` what time it is for Qbot."""
        self._clock = clock
        self._watch: asyncio.Task[None] | None = None
        self._work: list[Callable[[], Awaitable[None]]] = []
        self._scheduler = AsyncIOScheduler(
            timezone=zone,
            job_defaults={"coalesce": True, "misfire_grace_time": 300, "max_instances": 1},
        )
        for tick in ticks:
            trigger = CronTrigger(minute=tick.minute, hour=tick.hour, timezone=zone)
            self._add(tick.name, trigger, tick.work)
        self._names = tuple(tick.name for tick in ticks)

    def subjects(self) -> Sequence[Subject]:
        """Every way in that time has."""
        return [of_job(name) for name in self._names]

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()
        if self._clock is not None:
            self._watch = asyncio.create_task(self._leaps(self._clock), name="leaps")

    def stop(self) -> None:
        """No tick after this."""
        self._scheduler.shutdown(wait=False)
        if self._watch is not None:
            self._watch.cancel()

    async def _leaps(self, clock: Clock) -> None:
        leapt = asyncio.Event()  # also while the ticks of the leap before are under way
        async with asyncio.TaskGroup() as group:
            group.create_task(self._catch_up(leapt), name="ticks passed over")
            while True:
                before = clock.now()
                await clock.sleep(_LOOK)
                if clock.now() - before >= _LEAP:
                    leapt.set()

    async def _catch_up(self, leapt: asyncio.Event) -> None:
        while True:
            await leapt.wait()
            leapt.clear()
            for work in self._work:
                await work()

    def _add(self, name: str, trigger: CronTrigger, work: Callable[[], Awaitable[object]]) -> None:
        async def tick() -> None:
            try:
                await work()
            except TransientError as error:
                log.warning("tick failed", tick=name, error=str(error))
            except Exception:
                log.exception("tick failed", tick=name)

        self._work.append(tick)
        self._scheduler.add_job(tick, trigger, id=name)
