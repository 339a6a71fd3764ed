"""In: time. APScheduler is a clock only: what it starts must be harmless on every replica."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from qbot.errors import TransientError

log = structlog.get_logger()


class Housekeeping(Protocol):
    """What the database forgets, by its own clock."""

    async def forget_old(self) -> int:
        """Drop deliveries seen long ago and other leftovers; how many rows went."""


class Scheduler:
    """Ticks. Every replica has one: nothing is shared, so nothing is fired three times."""

    def __init__(self, housekeeping: Housekeeping) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "misfire_grace_time": 300, "max_instances": 1},
        )
        self._add("forget", CronTrigger(minute=17, timezone="UTC"), housekeeping.forget_old)

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
