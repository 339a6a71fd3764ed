"""The App Home: what one person sees of everything, and whose is kept up to date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from qbot.domain.operation import EnvironmentSummary
from qbot.domain.outages import Away
from qbot.domain.people import Actor
from qbot.domain.reaper_ports import Warned
from qbot.domain.release import StageProgress

KEPT = timedelta(days=1)
"""For how long after somebody opened it."""


@dataclass(frozen=True, slots=True)
class Home:
    """What there is to see for one person at a moment."""

    viewer: Actor
    rows: Sequence[EnvironmentSummary]  # everybody's
    as_of: datetime
    known: bool = True  # whether Argo CD has said how they are now
    waiting: Sequence[StageProgress] | None = ()  # for the viewer's yes; None: not known
    warned: Sequence[Warned] = ()  # of what is the viewer's and about to go
    away: Sequence[Away] = ()  # neighbours that do not answer

    @property
    def mine(self) -> Sequence[EnvironmentSummary]:
        """The viewer's."""
        return [r for r in self.rows if r.environment.owner == self.viewer]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who opened their App Home, and what Slack shows them there."""

    actor: Actor
    opened_at: datetime
    answered: bool = False  # since it was opened last
    shown_hash: str = ""
    shown_at: datetime | None = None


class HomeRows(Protocol):
    """Every call may raise TransientError."""

    async def opened(self, actor: Actor) -> None:
        """Somebody looks at it now, so it is wanted anew."""

    async def viewers(self) -> Sequence[Viewer]:
        """Who opened it within `KEPT`: those who wait for an answer first, then the longest shown.

        Who did not is forgotten with their next opening.
        """

    async def shown(self, viewer: Viewer, shown_hash: str) -> None:
        """Slack took it; an opening that came after `viewer` was read still waits."""

    async def still(self, viewer: Viewer) -> None:
        """What Slack shows will do for this opening; it is as old as before."""

    async def leave(self, actor: Actor) -> None:
        """Slack does not take it: leave it alone until it is opened again."""
