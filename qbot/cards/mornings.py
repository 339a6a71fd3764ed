"""What people's own digests say, and who gets one."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from qbot.domain.digest import DigestPlan, DueDigest
from qbot.domain.morning import Morning, Mornings, Wish, is_free
from qbot.domain.people import Actor
from qbot.domain.policy import Decision, Denied
from qbot.domain.ports import Clock
from qbot.errors import PermanentError
from qbot.operations.releases.mornings import Everybody
from qbot.render.blocks import Message
from qbot.render.morning import morning
from qbot.render.style import Style

_FRESH = 60.0  # seconds for which what was read counts


class Gathers(Protocol):
    """The part of `MorningGatherer` that is needed here; see there."""

    async def everybody(self) -> Everybody:
        """As it is now."""

    async def morning(self, actor: Actor, everybody: Everybody) -> Morning:
        """One person's."""


@dataclass(kw_only=True)
class PersonWriter:
    """Implements `Writer`; `zone_now` is where Slack says that somebody is."""

    mornings: Mornings
    gatherer: Gathers
    admits: Callable[[Actor], Awaitable[Decision]]
    zone_now: Callable[[str], Awaitable[str]]
    clock: Clock
    style: Style
    _wishes: dict[str, Wish] = field(default_factory=dict)  # by the person's id
    _read: tuple[float, Everybody] | None = None  # and when, by the monotonic clock

    async def plans(self) -> Mapping[str, DigestPlan]:
        """Read anew each time: somebody may just have asked for one."""
        self._wishes = {wish.actor.user: wish for wish in await self.mornings.rows.wishes()}
        return {user: self.mornings.plan(wish) for user, wish in self._wishes.items()}

    async def write(self, plan: DigestPlan, due: DueDigest) -> Message | None:
        """Whoever moved to another zone gets the next one at its time."""
        wish = self._wishes[plan.channel]
        decision = await self.admits(wish.actor)
        if isinstance(decision, Denied):
            await self.mornings.rows.leave(wish.actor)
            raise PermanentError(f"{wish.actor.key} gets no digest any more: {decision.rule}")
        if is_free(due.tick, plan, self.mornings.calendar(plan.channel)):
            return None
        said = morning(await self.gatherer.morning(wish.actor, await self._everybody()), self.style)
        if (zone := await self.zone_now(wish.actor.user)) and zone != wish.zone:
            await self.mornings.rows.moved(wish.actor, zone)
        return said

    def unready(self, plan: DigestPlan) -> None:
        """There is no picture in it."""

    async def _everybody(self) -> Everybody:
        now = self.clock.monotonic()
        if self._read is None or now - self._read[0] > _FRESH:
            self._read = now, await self.gatherer.everybody()
        return self._read[1]
