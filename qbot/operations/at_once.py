"""Where a merge ends an environment at once, nobody waits ten minutes for that."""

import asyncio
from datetime import timedelta

import structlog

from qbot.domain.ports import Clock
from qbot.operations.acting import Reaper
from qbot.operations.caught import caught

_LOOKS = (5.0, 5.0, 5.0, 10.0, 20.0, 40.0)
"""Seconds before each look: by the first the branch was looked at, by the second Slack has mostly
shown the warning; what is held or fails has to wait for longer and longer."""
_SLOT = timedelta(seconds=5)  # in which one replica looks
log = structlog.get_logger()


class AtOnce:
    """Has the reaper look as soon as a merge was heard of; its ticks find what this leaves.

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
        """Of a merge."""
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
        for number, seconds in enumerate(_LOOKS):
            if self._event.is_set():
                return  # one more: that has not to wait for as long as what waits already
            await self._clock.sleep(seconds)
            plan = await self._reaper.tick(_SLOT)
            waiting = plan is None or any(not goes.grace for goes in plan.goes)
            if number and not waiting:
                return
