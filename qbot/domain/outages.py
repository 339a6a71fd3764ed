"""Which neighbour does not answer, and since when. Told of every call; asks nothing itself."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

LASTS = timedelta(seconds=10)
"""For how long nothing has been answered before a neighbour counts as away."""
MISSES = 3
"""How many calls had no answer by then: one that hangs, or two, are no outage."""


class Vendor(StrEnum):
    """Whose outage it is; the values are those of the metrics."""

    ARGOCD = "argocd"
    GITLAB = "gitlab"
    SLACK = "slack"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Away:
    """A neighbour that does not answer; `since`: the first call in vain was begun."""

    vendor: Vendor
    name: str  # as people call it: "Argo CD"
    since: datetime


WhetherAway: TypeAlias = Callable[[], Away | None]


def never() -> None:
    """Of a neighbour that nobody listens for."""


class Presence:
    """One neighbour's, by what its calls tell. They may tell from any thread, in any order."""

    def __init__(self, vendor: Vendor, name: str, *, server: str = "") -> None:
        """Build.

        Args:
            vendor: what it is.
            name: as people call it.
            server: its name in the settings, where there may be several.
        """
        self.vendor = vendor
        self.name = name
        self.server = server
        self._lock = threading.Lock()
        self._heard: datetime | None = None
        self._since: datetime | None = None
        self._until: datetime | None = None
        self._missed = 0

    def answered(self, at: datetime) -> None:
        """It said something, be it no: whatever was asked before counts no more."""
        with self._lock:
            self._heard = max(self._heard or at, at)
            self._since, self._until, self._missed = None, None, 0

    def missed(self, began: datetime, at: datetime) -> None:
        """It did not answer what it was asked at `began`, or something before it did."""
        with self._lock:
            if self._heard is not None and began < self._heard:
                return  # it has answered others since
            self._since = min(self._since or began, began)
            self._until = max(self._until or at, at)
            self._missed += 1

    def away(self) -> Away | None:
        """None: it answers, as far as is known."""
        with self._lock:
            since, until = self._since, self._until
            if since is None or until is None:
                return None
            if self._missed < MISSES or until - since < LASTS:
                return None
            return Away(self.vendor, self.name, since)


@dataclass(frozen=True, slots=True)
class Outages:
    """Of all neighbours."""

    of: Sequence[Presence] = ()

    def now(self) -> Sequence[Away]:
        """Those that are away."""
        return [away for presence in self.of if (away := presence.away())]

    def deploying(self, server: str) -> Away | None:
        """The first that is away of those that a deployment by this Argo CD depends on."""
        for presence in self.of:
            mine = presence.vendor is Vendor.ARGOCD and presence.server == server
            if (mine or presence.vendor is Vendor.GITLAB) and (away := presence.away()):
                return away
        return None
