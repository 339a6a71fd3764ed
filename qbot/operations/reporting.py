"""Progress on its way to the card: at most one write a second, and only of something new."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import structlog

from qbot.domain.ports import Clock, Fenced
from qbot.domain.release import Shown
from qbot.operations.caught import caught

_INTERVAL = 1.0
_log = structlog.get_logger()


class Reporter:
    """Belongs to one run. `write` stores a progress and survives an absent database."""

    def __init__(
        self, write: Callable[[Shown], Awaitable[None]], clock: Clock, written: Shown | None
    ) -> None:
        self._write = write
        self._clock = clock
        self._written = written
        self._pending: Shown | None = None
        self._order = asyncio.Lock()  # an older progress must not land after a newer one
        self._task: asyncio.Task[None] | None = None

    def show(self, progress: Shown) -> None:
        """Write it soon, unless nothing but its time is new."""
        self._pending = None if _same(progress, self._written) else progress
        if self._pending and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._keep_writing(), name=f"report {progress.op}")

    @asynccontextmanager
    async def replaced(self, progress: Shown) -> AsyncIterator[None]:
        """The block writes this progress itself; what was to be written before it is dropped."""
        async with self._order:
            yield
            self._pending, self._written = None, progress

    async def flush(self) -> None:
        """Write what is pending now; what is refused for good is dropped, no work fails by it.

        Raises:
            Fenced: the claim was lost.
        """
        async with self._order:
            progress = self._pending
            if progress is None:
                return
            error = await caught(self._write(progress))  # interrupted, it is still pending
            if error is None:
                self._written = progress
            else:
                _log.error("progress was refused, no card shows it", op=progress.op, exc_info=error)
            if self._pending is progress:
                self._pending = None

    async def close(self) -> Shown | None:
        """Stop writing; answers what is left to be written."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        return self._pending

    async def _keep_writing(self) -> None:
        with suppress(Fenced):  # the run learns of it with its next write
            while self._pending is not None:
                await self.flush()
                await self._clock.sleep(_INTERVAL)


def _same(one: Shown, other: Shown | None) -> bool:
    return other is not None and replace(one, updated_at=other.updated_at) == other
