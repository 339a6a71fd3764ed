"""The stand-ins' clock: wall time plus whatever somebody has advanced it by."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime


class SandboxClock:
    """Wall time that can be moved forward.

    Two kinds of waiting exist. `sleep` is for promises of a vendor that nothing speeds
    up (Slack's limits, signatures, triggers). `work` is for what a demo may hurry:
    syncs, hooks, pipelines; it takes `seconds / speed`. Both end early when the clock
    is advanced past them.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        self.speed = speed
        self._offset = 0.0
        self._moved = asyncio.Event()

    @property
    def offset(self) -> float:
        """Seconds by which the clock is ahead of the wall."""
        return self._offset

    def time(self) -> float:
        """Unix seconds."""
        return time.time() + self._offset

    def now(self) -> datetime:
        """The same moment, aware, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Move forward; a clock never goes back."""
        if seconds < 0:
            msg = "the clock only moves forward"
            raise ValueError(msg)
        self._offset += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def moved(self, seconds: float) -> None:
        """Wait until somebody moves it, for so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._moved.wait()

    async def sleep(self, seconds: float) -> None:
        """Wait until `seconds` have passed on this clock."""
        until = self.time() + seconds
        while (left := until - self.time()) > 0:
            moved = self._moved
            try:
                async with asyncio.timeout(left):
                    await moved.wait()
            except TimeoutError:
                return

    async def work(self, seconds: float) -> None:
        """Wait for something that really takes `seconds`, at the sandbox's speed."""
        await self.sleep(seconds / self.speed)
