"""App Homes: whoever opens one gets it at once; for a day after that it follows what changes.

The replica that writes cards writes these as well, out of the same budget, after everything else.
Who looks is in the database, so a restart forgets nobody.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog

from qbot.cards.budget import HOME
from qbot.cards.rank import Rank
from qbot.cards.rounds import Budget, Rounds
from qbot.domain.home import Home, HomeRows, Viewer
from qbot.domain.people import Actor
from qbot.domain.policy import Decision, Denied
from qbot.domain.ports import Clock
from qbot.errors import PermanentError
from qbot.operations.releases.homes import Everything
from qbot.render.home import HomeView, closed, home
from qbot.render.style import Style

log = structlog.get_logger()
CHANGES = 5.0  # seconds in which changes are collected before Homes follow them
_POLL = 20.0  # seconds: what no commit tells of, as that time passes or that a service fails
_STILL = 10.0  # seconds for which the same Home counts as fresh when it is opened again
_GATHER = 0.1


class Publisher(Protocol):
    """The part of the Slack gateway that is needed here."""

    async def publish_home(self, user: str, view: dict[str, Any]) -> None:
        """Show somebody their App Home."""


class Looks(Protocol):
    """The part of `Lookout` that is needed here; see there."""

    async def everything(self) -> Everything:
        """As it is now, read once for all who look."""

    async def home(self, actor: Actor, everything: Everything) -> Home:
        """What one person sees of it."""


@dataclass(kw_only=True)
class Homes:
    """One loop; `admits` says whether somebody is served at all."""

    rows: HomeRows
    lookout: Looks
    slack: Publisher
    budget: Budget
    admits: Callable[[Actor], Awaitable[Decision]]
    clock: Clock
    style: Style
    _followed: float = float("-inf")  # when changes were followed last, by the monotonic clock
    _rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        """What changes by the dozen is looked at once."""
        self._rounds = Rounds(
            what="app homes",
            look=self._round,
            budget=self.budget,
            clock=self.clock,
            poll=_POLL,
            gather=_GATHER,
        )

    def start(self) -> None:
        """Begin."""
        self._rounds.start()

    async def stop(self) -> None:
        """Nothing after this."""
        await self._rounds.stop()

    def wake(self) -> None:
        """Something changed, or somebody looks; safe to call as often as one likes."""
        self._rounds.wake()

    async def _round(self) -> float:
        """Show what is due; seconds until there may be more to do."""
        viewers = [v for v in await self.rows.viewers() if self._rounds.may(_key(v))]
        looking = [v for v in viewers if not v.answered]
        others = [v for v in viewers if v.answered]
        left = self._followed + CHANGES - self.clock.monotonic()
        follow = bool(others) and left <= 0
        if not looking and not follow:
            return left if others else _POLL
        everything = await self.lookout.everything()
        wait = await self._show(looking, everything, Rank.ALARM)
        if not follow:
            return min(wait, max(left, _GATHER) if others else _POLL)
        self._followed = self.clock.monotonic()
        return min(wait, await self._show(others, everything, Rank.HOME))

    async def _show(self, viewers: Sequence[Viewer], everything: Everything, rank: Rank) -> float:
        bring = partial(self._bring, everything, rank)
        return await self._rounds.each(viewers, _key, bring, self._refused)

    async def _refused(self, viewer: Viewer, error: PermanentError) -> None:
        log.info("an app home is not taken", actor=viewer.actor.key, reason=str(error))
        await self.rows.leave(viewer.actor)

    async def _bring(self, everything: Everything, rank: Rank, viewer: Viewer) -> float:
        """0; else the seconds until the budget allows it."""
        view = await self._view(viewer.actor, everything)
        if view.digest == viewer.shown_hash and (viewer.answered or self._is_fresh(viewer)):
            if not viewer.answered:
                await self.rows.still(viewer)
            return 0.0
        call = partial(self.slack.publish_home, viewer.actor.user, view.view)
        if wait := await self.budget.beside(HOME, rank, call):
            return wait
        await self.rows.shown(viewer, view.digest)
        return 0.0

    def _is_fresh(self, viewer: Viewer) -> bool:
        """Whether what it says of its age is still about right."""
        at = viewer.shown_at
        return at is not None and (viewer.opened_at - at).total_seconds() < _STILL

    async def _view(self, actor: Actor, everything: Everything) -> HomeView:
        decision = await self.admits(actor)
        if isinstance(decision, Denied):
            return closed(decision, self.style)
        return home(await self.lookout.home(actor, everything), self.style)


def _key(viewer: Viewer) -> str:
    """Another one with each opening: that is tried at once, whatever failed before."""
    return f"{viewer.actor.key} {viewer.opened_at.isoformat()}"
