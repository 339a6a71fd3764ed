"""Moments that an outage puts off by as long as it lasts: who waits for it has no less time."""

from datetime import datetime, timedelta

from qbot.domain.outages import WhetherAway
from qbot.domain.ports import Clock

_LEAST = timedelta(minutes=2)  # that is left when all are back, whatever was used up before


class Deadline:
    """Belongs to one run; a run after it begins with what is recorded, and sits out the rest.

    Ask it more often than outages come and go.

    Args:
        at: as it is recorded.
        clock: what time it is.
        away: of whom the work depends on.
    """

    def __init__(self, at: datetime, clock: Clock, away: WhetherAway) -> None:
        self._at = at
        self._clock = clock
        self._away = away
        self._counted = clock.now()  # outages until then are in `_at`

    @property
    def is_over(self) -> bool:
        """Never while somebody is away."""
        return self._looked() <= self._clock.now()

    @property
    def left(self) -> float:
        """Seconds, not below zero."""
        return max((self._looked() - self._clock.now()).total_seconds(), 0.0)

    def leave(self, least: timedelta) -> None:
        """Let there be so much left, whatever was used up before."""
        self._at = max(self._looked(), self._clock.now() + least)

    def _looked(self) -> datetime:
        now = self._clock.now()
        if (away := self._away()) is not None:
            self._at += now - min(max(self._counted, away.since), now)
            self._at = max(self._at, now + _LEAST)
        self._counted = now
        return self._at
