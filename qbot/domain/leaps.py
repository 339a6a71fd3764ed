"""Whether the calendar's clock of a machine jumped: told by the clock that only runs. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LEAP = timedelta(minutes=10)
"""A jump that is as wide as this is one."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One look at both clocks of one process: the calendar's, and the one that only runs."""

    wall: datetime
    ran: float  # seconds


@dataclass(frozen=True, slots=True)
class Drift:
    """How the clocks went since they agreed, and when they were seen to differ."""

    base: Tick
    leapt: timedelta = timedelta()
    seen: float = 0.0

    def look(self, at: Tick) -> "Drift":
        """The same with one more look.

        A jump counts for as long as it was wide: what the clock took away is waited for.
        """
        leap = (at.wall - self.base.wall) - timedelta(seconds=at.ran - self.base.ran)
        if abs(leap) >= LEAP:
            return Drift(at, self.leapt + leap, at.ran)
        if self.leapt and at.ran - self.seen >= abs(self.leapt).total_seconds():
            return Drift(at)
        return self
