"""App Homes: whoever opens one gets it at once; for a day after that it follows what changes.

The replica that writes cards writes these as well, out of the same budget, after everything else.
Who looks is in the database, so a restart forgets nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog

from qbot.cards.budget import HOME
from qbot.cards.rank import Rank
from qbot.domain.home import Home, HomeRows, Viewer
from qbot.domain.people import Actor
from qbot.domain.policy import Decision, Denied
from qbot.domain.ports import Clock
from qbot.errors import PermanentError, TransientError
from qbot.gateways.slack import AccessError
from qbot.operations.releases.homes import Everything
from qbot.render.home import HomeView, closed, home
from qbot.render.style import Style

log = structlog.get_logger()
CHANGES = 5.0  # seconds in which changes are collected before Homes follow them
_POLL = 20.0  # seconds: what no commit tells of, as that time passes or that a service fails
_STILL = 60.0  # seconds for which the same Home counts as fresh when it is opened again
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


class Budget(Protocol):
    """The part of the dispatcher that is needed here."""

    @property
    def leads(self) -> bool:
        """Whether this replica is the one that writes to Slack."""

    async def beside(self, method: str, rank: Rank, call: Callable[[], Awaitable[None]]) -> float:
        """Make one call; 0, or the seconds until it may be made."""


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
    _event: asyncio.Event = field(default_factory=asyncio.Event)
    _followed: float = float("-inf")  # when changes were followed last, by the monotonic clock
    _loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.create_task(self._run(), name="homes")

    async def stop(self) -> None:
        """Nothing after this."""
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    def wake(self) -> None:
        """Something changed, or somebody looks; safe to call as often as one likes."""
        self._event.set()

    async def _run(self) -> None:
        while True:
            wait = _POLL
            try:
                wait = await self._round()
            except TransientError as error:
                log.info("app homes wait", reason=str(error))
            except Exception:  # the loop outlives any bug in one round
                log.exception("a round of the app homes failed")
            await self._rest(wait)

    async def _rest(self, seconds: float) -> None:
        tick = asyncio.create_task(self.clock.sleep(max(seconds, _GATHER)))
        event = asyncio.create_task(self._event.wait())
        try:
            await asyncio.wait({tick, event}, return_when=asyncio.FIRST_COMPLETED)
            if not tick.done():  # what changes by the dozen is looked at once
                await self.clock.sleep(_GATHER)
        finally:
            tick.cancel()
            event.cancel()
            await asyncio.gather(tick, event, return_exceptions=True)
        self._event.clear()

    async def _round(self) -> float:
        """Show what is due; seconds until there may be more to do."""
        if not self.budget.leads:
            return 1.0
        viewers = await self.rows.viewers()
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
        """One after the other, until the budget says wait."""
        for viewer in viewers:
            try:
                if wait := await self._bring(viewer, everything, rank):
                    return wait
            except AccessError:
                return _POLL  # about Qbot as a whole: told where cards are
            except PermanentError as error:
                log.info("an app home is not taken", actor=viewer.actor.key, reason=str(error))
                await self.rows.leave(viewer.actor)
            except TransientError as error:
                log.info("an app home waits", actor=viewer.actor.key, reason=str(error))
                return 1.0
        return _POLL

    async def _bring(self, viewer: Viewer, everything: Everything, rank: Rank) -> float:
        view = await self._view(viewer.actor, everything)
        if view.digest == viewer.shown_hash and (viewer.answered or self._is_fresh(viewer)):
            if not viewer.answered:
                await self.rows.shown(viewer, view.digest)
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
