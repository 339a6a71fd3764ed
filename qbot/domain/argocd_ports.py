"""What the operations on environments need of one Argo CD, by who needs it.

Every call may raise TransientError or PermanentError.
"""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from qbot.domain.environment import Environment
from qbot.domain.health import AppState
from qbot.domain.names import EnvId, OpId, ServiceName
from qbot.domain.orphans import Marked
from qbot.domain.services import Service, ServicePlan


class Applications(Protocol):
    """What is there: lists, and single ones from the source of truth."""

    async def survey(self, env: Environment) -> Mapping[ServiceName, AppState]:
        """All Applications that carry the environment's label, in one list call; BASE included."""

    async def failing(self, envs: Collection[EnvId]) -> Mapping[EnvId, int]:
        """How many services fail, by Argo CD's own word, in each of these environments.

        Without any: in all there are. Those without a failing service may be left out; an answer
        may be some seconds old.
        """

    async def read(self, env: Environment, service: ServiceName) -> AppState | None:
        """One Application, from the source of truth; None = proven absent."""

    async def project_exists(self, env: Environment) -> bool:
        """Whether an AppProject of the environment's name is there."""


class LiveView(Protocol):
    """What Argo CD says by itself."""

    def watch(self, env: Environment) -> AsyncGenerator[Mapping[ServiceName, AppState]]:
        """The environment's Applications from the live view: at once, then on every change.

        Never ends by itself and survives broken streams; close it (`aclose`) when done.
        """

    def silent_since(self) -> datetime | None:
        """Since when the live view hears nothing from Argo CD; None while it does."""


class Making(Protocol):
    """Whatever an environment consists of; each call finds again what it made before."""

    async def ensure_project(self, env: Environment, services: Collection[Service]) -> None:
        """Create the AppProject or bring ours up to date.

        Raises:
            ForeignError: a project of that name exists and is not this environment's.
        """

    async def ensure_base(self, env: Environment, *, op: OpId) -> AppState:
        """The same for the Application that owns the namespace."""

    async def ensure_application(
        self, env: Environment, service: Service, plan: ServicePlan, *, op: OpId, validate: bool
    ) -> AppState:
        """Create the service's Application or bring ours up to date.

        Raises:
            UserError: Argo CD refuses the chart or the revision.
            TransientError: it exists and is still being deleted.
            PermanentError: an Application of that name exists and is not ours.
        """


class Syncing(Protocol):
    """What moves an Application that is there."""

    async def sync(
        self, env: Environment, service: ServiceName, *, op: OpId, prune: bool, dry_run: bool
    ) -> None:
        """Ask for a sync at the Application's own targetRevision.

        Raises:
            TransientError: another operation is in progress.
        """

    async def refresh(self, env: Environment, service: ServiceName) -> None:
        """Compare again without any cache (`--hard`); gives up waiting after a few seconds."""

    async def terminate(self, env: Environment, service: ServiceName) -> None:
        """Stop a running sync; nothing to stop is fine."""


class Removing(Protocol):
    """Taking an environment down."""

    async def delete_application(self, env: Environment, service: ServiceName) -> bool:
        """Ask for cascading foreground deletion; it is gone when `read` answers None.

        True: Argo CD took it; False: it was absent, or goes in a way that takes no other.
        """

    async def delete_project(self, env: Environment) -> None:
        """Remove the AppProject; absent is fine.

        Raises:
            TransientError: Applications still refer to it.
        """


class Marks(Protocol):
    """What carries the labels of environments, of those that are gone as well."""

    async def marked(self, instance: str) -> Sequence[Marked]:
        """All of it as lists say, which may be late; `instance` is this one's name."""

    async def still_marked(self, one: Marked) -> bool:
        """Whether it is there by its source of truth, with that label, and does not go."""


class ArgoCD(Applications, LiveView, Making, Syncing, Removing, Marks, Protocol):
    """One Argo CD instance."""
