"""That this process was there is written down, so that the next one knows for how long none was."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from qbot.domain.ports import Clock
from qbot.domain.reaper_rows import ReaperRows
from qbot.errors import TransientError

STILL = timedelta(minutes=2)
"""Between two beats, above which the process stood still; without a word from Slack: was deaf."""
_BEAT = 30.0  # seconds


class Presence:
    """From when on one process has seen time go by, and could write down what people answered.

    Args:
        rows: where it is written down.
        clock: what time it is.
        machine: the machine's own clock, which nobody moves: a process that was stopped, or whose
            machine was, finds that it leapt.
    """

    def __init__(self, rows: ReaperRows, clock: Clock, machine: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._machine = machine
        self._since: datetime | None = clock.now()
        self._beaten = self._heard = machine.now()
        self._hears: Callable[[], Awaitable[bool]] | None = None

    def hears(self, hears: Callable[[], Awaitable[bool]]) -> None:
        """What says from now on whether Slack can tell this process what people press."""
        self._hears = hears
        self._heard = self._machine.now()

    async def look(self) -> bool:
        """Written down; whether people can answer. While Slack is away it is as if nobody were.

        Raises:
            TransientError: the database is away, and with it everybody who wants to answer.
        """
        await self.beat()
        if self._machine.now() - self._heard > STILL:
            self.lost()
            return False
        since = self._since or self._clock.now()
        try:
            await self._rows.present(since)
        except TransientError:
            self.lost()
            raise
        self._since = since
        return True

    def lost(self) -> None:
        """Nobody could answer: the database is away, or Slack, or this process stood still."""
        self._since = None

    async def beats(self) -> None:
        """For ever."""
        while True:
            await self._machine.sleep(_BEAT)
            await self.beat()

    async def beat(self) -> None:
        """Look at the time, and whether Slack is there."""
        now = self._machine.now()
        if now - self._beaten > STILL:
            self.lost()
        self._beaten = now
        there = self._hears is None or await self._hears()
        self._heard = now if there else min(self._heard, now)
