"""What is counted, as those who count see it; they must not wait, and know no metrics library."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from qbot.domain.progress import End, Kind

Called: TypeAlias = Callable[[str, int | None, float], None]
"""Told of each call to a vendor: `argocd`, `gitlab` or `slack`, the HTTP status (None: no answer)
and seconds. May be called from any thread."""

Ran: TypeAlias = Callable[[float], None]
"""Told of each transaction of the database: seconds until it was answered."""


Reaped: TypeAlias = Callable[[str, str], None]
"""Told of each decision of the reaper, and the cause that it is about; empty: about none."""


def uncounted(*_: object) -> None:
    """For whoever has nobody to tell."""


class WorkMeter(Protocol):
    """Told by the engine how its operations go."""

    def ended(self, kind: Kind, end: End, seconds: float) -> None:
        """One came to its end, so long after it was asked for."""

    def carrying(self, operations: int) -> None:
        """How many this worker carries at present."""

    def taken_over(self, operations: int) -> None:
        """So many of a dead worker can go on."""

    def lost(self) -> None:
        """One that this worker carried is another's now."""

    def lapsed(self) -> None:
        """This worker's own lease ran out before it was renewed."""


class NoWorkMeter:
    """Counts nothing."""

    def ended(self, kind: Kind, end: End, seconds: float) -> None:
        """Ignored."""

    def carrying(self, operations: int) -> None:
        """Ignored."""

    def taken_over(self, operations: int) -> None:
        """Ignored."""

    def lost(self) -> None:
        """Ignored."""

    def lapsed(self) -> None:
        """Ignored."""
