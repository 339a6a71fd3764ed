"""Which neighbour does not answer, and since when. Told of every call; asks nothing itself."""

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

LASTS = timedelta(seconds=10)
"""For how long nothing has been answered before a neighbour counts as away."""
MISSES = 3
"""How many calls had no answer by then: one that hangs, or two, are no outage."""
_KEPT = 32  # outages that are over and remembered; who asks for them asks often


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
    server: str = ""  # its name in the settings, where there may be several


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The time of one outage; of one that goes on, until now."""

    begin: datetime
    end: datetime


WhetherAway: TypeAlias = Callable[[], Away | None]
Spans: TypeAlias = Callable[[datetime], Sequence[Span]]
"""The outages until a moment, which is now."""


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
        self._over: deque[Span] = deque(maxlen=_KEPT)

    def answered(self, at: datetime) -> None:
        """It said something, be it no: whatever was asked before counts no more."""
        with self._lock:
            self._heard = max(self._heard or at, at)
            if (away := self._away()) is not None:
                self._over.append(Span(away.since, max(away.since, at)))
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
            return self._away()

    def spans(self, now: datetime) -> Sequence[Span]:
        """When it was away, the latest last."""
        with self._lock:
            away = self._away()
            return [*self._over, *([Span(away.since, max(away.since, now))] if away else [])]

    def _away(self) -> Away | None:
        since, until = self._since, self._until
        if since is None or until is None:
            return None
        if self._missed < MISSES or until - since < LASTS:
            return None
        return Away(self.vendor, self.name, since, self.server)


_DELETING = frozenset({Vendor.ARGOCD})
_DEPLOYING = _DELETING | {Vendor.GITLAB}


@dataclass(frozen=True, slots=True)
class Outages:
    """Of all neighbours."""

    of: Sequence[Presence] = ()

    def now(self) -> Sequence[Away]:
        """Those that are away."""
        return [away for presence in self.of if (away := presence.away())]

    def known(self, vendor: Vendor, server: str = "") -> Away | None:
        """This one, where it is away; `server`: empty where there is only one."""
        mine = (away for away in self.now() if (away.vendor, away.server) == (vendor, server))
        return next(mine, None)

    def deploying(self, server: str) -> Away | None:
        """The first that is away of those that a deployment by this Argo CD depends on."""
        found = (presence.away() for presence in self._needed(server, _DEPLOYING))
        return next((away for away in found if away), None)

    def argocd(self, server: str, since: datetime) -> Away:
        """This one as it is known, or by its name where it only fails to answer since then."""
        mine = (p for p in self.of if p.vendor is Vendor.ARGOCD and p.server == server)
        found = next(mine, None)
        away = found.away() if found else None
        return away or Away(Vendor.ARGOCD, found.name if found else "Argo CD", since, server)

    def spans(self, server: str, now: datetime, *, deploying: bool) -> Sequence[Span]:
        """When those were away that a deployment, or a deletion, by this Argo CD depends on."""
        needed = self._needed(server, _DEPLOYING if deploying else _DELETING)
        return sorted(span for presence in needed for span in presence.spans(now))

    def _needed(self, server: str, vendors: Collection[Vendor]) -> Sequence[Presence]:
        mine = [p for p in self.of if p.vendor is not Vendor.ARGOCD or p.server == server]
        return [p for p in mine if p.vendor in vendors]
