"""A branch environment and the moves that it can make."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from qbot.domain.names import AppName, BranchName, EnvId, EnvName, ServiceName, app_name
from qbot.domain.people import Actor
from qbot.domain.services import ServicePlan

LEFT = timedelta(days=1)
"""How long at least an environment lives on after a pin."""


class Phase(StrEnum):
    """Where an environment is in its life."""

    CREATING = "creating"
    READY = "ready"
    FAILED = "failed"  # exists; some service is broken or missing
    PARTIAL = "partial"  # a create or a sync was cancelled half-way; what exists was kept
    DELETING = "deleting"
    STUCK = "stuck"  # a tear-down ended with something left
    DELETED = "deleted"  # proven gone, or never came to be

    @property
    def alive(self) -> bool:
        """Whether the branch name is taken by it."""
        return self is not Phase.DELETED


_MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.CREATING: frozenset(
        {Phase.READY, Phase.FAILED, Phase.PARTIAL, Phase.DELETING, Phase.DELETED}
    ),
    Phase.READY: frozenset({Phase.FAILED, Phase.PARTIAL, Phase.DELETING}),
    Phase.FAILED: frozenset({Phase.READY, Phase.PARTIAL, Phase.DELETING}),
    Phase.PARTIAL: frozenset({Phase.READY, Phase.FAILED, Phase.DELETING}),
    Phase.DELETING: frozenset({Phase.DELETED, Phase.STUCK}),
    Phase.STUCK: frozenset({Phase.DELETING}),
    Phase.DELETED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Pin:
    """Somebody keeps an environment whatever its lifetime."""

    by: Actor
    since: datetime
    until: datetime | None = None  # None: until somebody takes it off
    why: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment; `id` never changes and is never used again."""

    id: EnvId
    name: EnvName  # also its namespace and its AppProject
    branch: BranchName
    owner: Actor
    phase: Phase
    created_at: datetime
    instance: str = "main"  # which Argo CD
    cluster: str = "https://kubernetes.default.svc"
    url: str = ""
    expires_at: datetime | None = None  # but for a pin: see `ends_at`
    channel: str = ""  # where its card lives
    plans: tuple[ServicePlan, ...] = ()
    pin: Pin | None = None  # it may be over: see `pinned_at`

    def advance(self, phase: Phase) -> Self:
        """The same environment one move on; staying where it is counts as no move.

        Raises:
            ValueError: a move that an environment cannot make: a bug in the caller.
        """
        if phase is not self.phase and phase not in _MOVES[self.phase]:
            msg = f"environment {self.name} cannot go from {self.phase} to {phase}"
            raise ValueError(msg)
        return replace(self, phase=phase)

    def plan_of(self, service: ServiceName) -> ServicePlan | None:
        """The wanted version of one service."""
        return next((p for p in self.plans if p.service == service), None)

    def app(self, service: ServiceName) -> AppName:
        """The name of the Application that holds one service."""
        return app_name(self.name, service)

    @property
    def ends_at(self) -> datetime | None:
        """When its lifetime is over; None: never. After a pin there is a day at least."""
        if self.pin is None or self.expires_at is None:
            return self.expires_at
        return max(self.expires_at, self.pin.until + LEFT) if self.pin.until else None

    def pinned_at(self, now: datetime) -> Pin | None:
        """The pin that holds then, if one does."""
        holds = self.pin and (self.pin.until is None or self.pin.until > now)
        return self.pin if holds else None

    @property
    def lifetime(self) -> timedelta | None:
        """For how long it was wanted; None: without an end."""
        return self.expires_at - self.created_at if self.expires_at else None

    @property
    def shard(self) -> int:
        """Which watch stream it belongs to: 0 to 15, from its id."""
        return int(self.id[-1], 16)


@dataclass(frozen=True, slots=True)
class ReadySet:
    """The versions of an environment that were ready together, and when that was found."""

    number: int  # a later one has a higher one
    at: datetime
    plans: tuple[ServicePlan, ...]
    back_to: int | None = None  # the set that a rollback went back to, where one made this


def ways_back(sets: Sequence[ReadySet]) -> Iterator[ReadySet]:
    """Those that a rollback may come to, newest first.

    What a rollback took back is not among them: to bring that again is to go forward.

    Args:
        sets: of one environment, newest first.
    """
    newest: int | None = None
    for one in sets:
        if newest is None or one.number <= newest:
            yield one
            newest = one.number if one.back_to is None else one.back_to
