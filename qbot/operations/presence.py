"""That this process was there is written down, so that the next one knows for how long none was."""

from datetime import datetime

from qbot.domain.ports import Clock
from qbot.domain.reaper_rows import ReaperRows
from qbot.errors import TransientError


class Presence:
    """From when on one process has seen time go by, and could write down what people answered."""

    def __init__(self, rows: ReaperRows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._since: datetime | None = clock.now()

    async def look(self) -> None:
        """Written down.

        Raises:
            TransientError: the database is away, and with it everybody who wants to answer.
        """
        since = self._since or self._clock.now()
        try:
            await self._rows.present(since)
        except TransientError:
            self.lost()
            raise
        self._since = since

    def lost(self) -> None:
        """The database is away."""
        self._since = None
