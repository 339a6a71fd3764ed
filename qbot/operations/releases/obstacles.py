"""What people put in the way of deployments, and take away again: freezes, locks, holds."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from qbot.domain.barriers import Freeze, Hold, Lock
from qbot.domain.environment import Environment
from qbot.domain.lifetime import moment_of
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.promotion import PromotionState
from qbot.domain.release_commands import FreezeIt, LockIt, Release, When
from qbot.domain.rules import services_of
from qbot.domain.stages import Stage
from qbot.errors import UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.requests import Asked, Requests

_TRIES = 60  # of telling somebody that a lock is over; there is one a minute
log = structlog.get_logger()


def _none_of(services: Sequence[ServiceName]) -> str:
    match services:
        case []:
            return "Nothing is"
        case [one]:
            return f"`{one}` is not"
        case _:
            return "None of them is"


@dataclass(frozen=True, slots=True)
class Spot:
    """A stage or a branch environment: what can be locked."""

    scope: str
    name: str  # as people call it
    stage: Stage | None = None
    env: Environment | None = None


@dataclass(frozen=True, slots=True)
class Freed:
    """What is no longer locked, and who wanted to be told of it."""

    scope: str
    name: str
    waiting: Sequence[Actor]


class LockedError(UserError):
    """Somebody else has the lock that was asked for."""

    def __init__(self, spot: Spot, lock: Lock) -> None:
        super().__init__(f"`{spot.name}` is locked already.")
        self.spot = spot
        self.lock = lock


class Obstacles:
    """Puts them there and takes them away."""

    def __init__(
        self,
        *,
        context: ReleaseContext,
        requests: Requests,
        zone: ZoneInfo,
        wake: Callable[[], None],
    ) -> None:
        """Of one installation.

        Args:
            context: the ports.
            requests: finds environments.
            zone: of moments that name none.
            wake: told when something is no longer in the way.
        """
        self._context = context
        self._requests = requests
        self._zone = zone
        self._wake = wake
        # Of this process: each replica, and each start, tries as often; that does no harm.
        self._missed: Counter[tuple[str, Actor]] = Counter()

    async def spot(self, text: str, *, guess: bool = True) -> Spot:
        """A stage, else a living environment; `guess` as in `Requests.living`.

        Raises:
            UserError: neither.
        """
        if text in self._context.stages:
            stage = self._context.stage(text)
            return Spot(stage.scope, stage.name, stage=stage)
        env = await self._requests.living(text, guess=guess)
        return Spot(env.id, env.branch, env=env)

    async def name_of(self, scope: str) -> str:
        """What people call what a lock is on.

        Raises:
            UserError: there is no such thing any more.
        """
        for stage in self._context.stages.values():
            if stage.scope == scope:
                return stage.name
        return (await self._requests.by_id(EnvId(scope))).branch

    async def free_again(self) -> Sequence[Freed]:
        """Places whose lock's time is over, with those who wait for them; told once."""
        found = []
        for scope in await self._context.promotions.awaited():
            if await self.locked_by(scope) is not None:
                continue
            try:
                name = await self.name_of(scope)
            except UserError:
                name = ""  # what was waited for is gone: nothing is free
            waiting = await self._context.promotions.waiting_for(scope, take=True)
            if name:
                found.append(Freed(scope, name, waiting))
        return found

    async def not_told(self, freed: Freed, missed: Sequence[Actor]) -> None:
        """These could not be told: `free_again` will name them once more, but not for ever."""
        self._missed.update((freed.scope, actor) for actor in missed)
        for actor in freed.waiting:
            if actor in missed and self._missed[freed.scope, actor] < _TRIES:
                await self._context.promotions.await_free(freed.scope, actor)
            elif self._missed.pop((freed.scope, actor), 0) >= _TRIES:
                log.warning(
                    "somebody cannot be told that a lock is over", actor=actor.key, place=freed.name
                )

    async def freeze(self, wanted: FreezeIt, asked: Asked) -> Freeze:
        """Declare a freeze.

        Raises:
            UserError: it is frozen already, or the end is past.
        """
        stage = self._context.stage(wanted.stage)
        now = self._context.base.clock.now()
        until = self.until(wanted.until, now)
        made = Freeze(stage.name, asked.actor, wanted.reason, now, until)
        if not await self._context.promotions.freeze(made, rule=asked.rule, key=asked.key):
            raise UserError(
                f"`{stage.name}` is frozen already.",
                hint=f"`unfreeze {stage.name}` ends it; `history {stage.name}` shows it.",
            )
        return made

    async def unfreeze(self, name: str, asked: Asked) -> Stage:
        """End a declared freeze.

        Raises:
            UserError: there is none; one of the calendar is qbot.yaml's.
        """
        stage = self._context.stage(name)
        if not await self._context.promotions.unfreeze(
            stage.name, asked.actor, rule=asked.rule, key=asked.key
        ):
            raise UserError(
                f"Nobody has frozen `{stage.name}`.",
                hint="What the calendar of qbot.yaml freezes is changed there.",
            )
        self._wake()
        return stage

    async def waiting(self, stage: Stage) -> bool:
        """Whether a promotion to it waits: for people, or for what is in its way."""
        states = (PromotionState.OPEN, PromotionState.APPROVED)
        return bool(await self._context.promotions.promotions(stage.name, limit=1, states=states))

    async def lock(self, wanted: LockIt, asked: Asked) -> Lock:
        """Keep a stage or an environment to oneself.

        Raises:
            LockedError: somebody else has it.
            UserError: no such place.
        """
        spot, now = await self.spot(wanted.place), self._context.base.clock.now()
        until = now + wanted.lasts if wanted.lasts else None
        made = Lock(spot.scope, asked.actor, wanted.reason, now, until)
        other = await self._context.promotions.lock(made, rule=asked.rule, key=asked.key)
        if other is not None:
            raise LockedError(spot, other)
        return made

    async def unlock(self, name: str, asked: Asked) -> tuple[Spot, Lock, Sequence[Actor]]:
        """End a lock; whoever may is decided before. Answers who wanted to be told.

        Raises:
            UserError: it is not locked.
        """
        spot = await self.spot(name)
        ended = await self._context.promotions.unlock(
            spot.scope, asked.actor, force=True, rule=asked.rule, key=asked.key
        )
        if ended is None:
            raise UserError(f"`{spot.name}` is not locked.")
        self._wake()
        return spot, ended, await self._context.promotions.waiting_for(spot.scope, take=True)

    async def ensure_locked(self, place: str, *, guess: bool) -> None:
        """There is a lock to end; `guess` as for `spot`.

        Raises:
            UserError: there is none, or no such place.
        """
        spot = await self.spot(place, guess=guess)
        if await self.locked_by(spot.scope) is None:
            raise UserError(f"`{spot.name}` is not locked.")

    async def locked_by(self, scope: str) -> Lock | None:
        """The lock that holds, if one does."""
        return next(iter(await self._context.promotions.locks(scope)), None)

    async def await_free(self, scope: str, actor: Actor) -> Lock | None:
        """Remember that somebody wants to be told; None: it is free already."""
        lock = await self.locked_by(scope)
        if lock is not None:
            await self._context.promotions.await_free(scope, actor)
        return lock

    async def holding(self, text: str) -> Stage:
        """The stage whose services are released.

        Raises:
            UserError: there is none of that name; on an environment nothing is held.
        """
        env = None if text in self._context.stages else await self._context.base.store.find(text)
        if env is not None and env.phase.alive:
            raise UserError(
                f"`{env.branch}` is an environment: nothing is held there.",
                hint=f"What a rollback puts back stays until the next `sync {env.branch}`.",
            )
        return self._context.stage(text)

    async def release(self, wanted: Release, asked: Asked) -> Sequence[Hold]:
        """Let services that were rolled back move again.

        Raises:
            UserError: none of them is held.
        """
        stage, base = await self.holding(wanted.stage), self._context.base
        services = services_of(base.catalog, base.sets, wanted.services)
        ended = await self._context.promotions.release(
            stage.name, services, asked.actor, rule=asked.rule, key=asked.key
        )
        if not ended:
            raise UserError(f"{_none_of(services)} held on `{stage.name}`.")
        self._wake()
        return ended

    def until(self, when: When | None, now: datetime) -> datetime | None:
        """What somebody typed as a moment.

        Raises:
            UserError: it is past.
        """
        return moment_of(when, now=now, zone=self._zone)
