"""Time in which Qbot was away counts against nobody: nobody could answer a warning then. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

AWAY = timedelta(minutes=15)
"""Between two ticks of the reaper, from which on that is an absence; they come every ten."""


@dataclass(frozen=True, slots=True)
class Absence:
    """The last one. `until`: by when as much time has passed since as it was long."""

    back_at: datetime
    until: datetime

    def puts_off(self, warned_at: datetime, grace: timedelta) -> datetime:
        """Up to when whoever was warned before it may answer; a grace anew at most."""
        return min(self.until, self.back_at + grace) if warned_at <= self.back_at else warned_at


def absent(
    before: Absence | None, *, last: datetime, since: datetime, now: datetime
) -> Absence | None:
    """The last absence, with one that ends now if there is one.

    Args:
        before: the last one that is known.
        last: the last tick, by whichever process.
        since: from when on the process that asks has seen time go by.
        now: what time it is.
    """
    away = last - now if last > now else since - last  # a clock that was ahead is no better
    if away < AWAY:
        return before
    left = max(before.until - last, timedelta()) if before else timedelta()
    return Absence(now, now + away + left)
