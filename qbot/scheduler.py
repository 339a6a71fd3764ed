"""In: time. APScheduler is a clock only: what it starts must be harmless on every replica."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from qbot.domain.subjects import Subject, of_job
from qbot.errors import TransientError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tick:
    """Something that is done again and again, at these minutes of these hours."""

    name: str
    work: Callable[[], Awaitable[object]]
    minute: str
    hour: str = "*"


class Scheduler:
    """Ticks. Every replica has one: nothing is shared, so nothing is fired three times."""

    def __init__(self, ticks: Sequence[Tick], *, zone: str = "UTC") -> None:
        """Build; `zone` is whose hours are meant."""
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

    def stop(self) -> None:
        """No tick after this."""
        self._scheduler.shutdown(wait=False)

    def _add(self, name: str, trigger: CronTrigger, work: Callable[[], Awaitable[object]]) -> None:
        async def tick() -> None:
            try:
                await work()
            except TransientError as error:
                log.warning("tick failed", tick=name, error=str(error))
            except Exception:
                log.exception("tick failed", tick=name)

        self._scheduler.add_job(tick, trigger, id=name)
