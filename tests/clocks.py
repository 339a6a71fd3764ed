"""A clock for tests, moved by hand: nobody waits, and the speed of the machine does not matter."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)  # a Monday morning


class HandClock:
    """Implements the port `Clock`. Time stands still until `advance` is called.

    A task that works, sleeps and works again needs its turn between two moves; wait for it to
    lie down again with `asleep`:

        clock = HandClock()
        task = asyncio.create_task(loop(clock))
        await clock.asleep()      # the task has reached its first sleep
        clock.advance(30)         # it wakes
        await clock.asleep()      # and has reached the next one
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._stirred = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        until, woken = self._passed + seconds, asyncio.get_running_loop().create_future()
        self._sleepers.append((until, woken))
        self._stirred.set()
        try:
            await woken
        finally:
            self._sleepers = [entry for entry in self._sleepers if entry[1] is not woken]
            self._stirred.set()

    def advance(self, seconds: float) -> None:
        """Move forward and wake, in the order of their deadlines, all whose time has come."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._passed += seconds
        for until, woken in sorted(self._sleepers, key=lambda entry: entry[0]):
            if until <= self._passed and not woken.done():
                woken.set_result(None)

    @property
    def sleepers(self) -> tuple[float, ...]:
        """How many seconds each sleeping task still has to wait, shortest first."""
        waiting = (entry for entry in self._sleepers if not entry[1].done())
        return tuple(sorted(until - self._passed for until, _ in waiting))

    async def asleep(self, count: int = 1) -> None:
        """Wait (really, at most 5 seconds) until at least `count` tasks sleep on this clock.

        Whoever has been woken gets its turn first.
        """
        async with asyncio.timeout(5):
            while len(self.sleepers) < count or any(woken.done() for _, woken in self._sleepers):
                self._stirred.clear()
                await self._stirred.wait()
