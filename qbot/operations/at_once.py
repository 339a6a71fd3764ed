"""Where a merge ends an environment at once, nobody waits ten minutes for that."""

import asyncio

import structlog

from qbot.domain.ports import Clock
from qbot.operations.acting import Reaper
from qbot.operations.caught import caught

_LOOK = 5.0  # seconds; by then the branch was looked at, or Slack has shown the warning
_LOOKS = 12
log = structlog.get_logger()


class AtOnce:
    """Has the reaper look as soon as something was heard; its ticks find what this leaves.

    Args:
        reaper: plans and acts.
        clock: waits.
        wanted: whether qbot.yaml lets anything go without a grace.
    """

    def __init__(self, reaper: Reaper, *, clock: Clock, wanted: bool) -> None:
        self._reaper = reaper
        self._clock = clock
        self._wanted = wanted
        self._event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Something was heard."""
        self._event.set()

    def start(self) -> None:
        """Begin to listen."""
        if self._wanted:
            self._task = asyncio.create_task(self._always(), name="reaper")

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _always(self) -> None:
        while True:
            await self._event.wait()
            self._event.clear()
            error = await caught(self._look())
            if error is not None:
                log.warning("what goes at once has to wait", reason=str(error))

    async def _look(self) -> None:
        """A warning that stands in Slack, then the deletion: mostly that is two looks."""
        for number in range(_LOOKS):
            await self._clock.sleep(_LOOK)
            plan = await self._reaper.reap()
            waiting = any(not goes.grace for goes in plan.goes)
            if number and not waiting:
                return
