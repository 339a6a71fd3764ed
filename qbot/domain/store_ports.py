"""What is read of the database outside any operation, by who reads it.

Every call may raise TransientError.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from qbot.domain.bringing_back import Deleted
from qbot.domain.environment import Environment, Phase, Pin, ReadySet
from qbot.domain.history import Deed
from qbot.domain.lifetime import Moved
from qbot.domain.names import EnvId, OpId, ServiceName, StageName
from qbot.domain.operation import (
    BranchTaken,
    Durations,
    EnvironmentSummary,
    NewEnvironment,
    Operation,
    QuotaReached,
)
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.domain.services import ServicePlan


class Environments(Protocol):
    """Environments as they are now."""

    async def environment(self, env: EnvId) -> Environment | None:
        """By id."""

    async def find(self, text: str) -> Environment | None:
        """The living environment with this exact branch, else name; else the newest dead one."""

    async def environments(
        self, *, owner: Actor | None = None, phases: Collection[Phase] = ()
    ) -> Sequence[EnvironmentSummary]:
        """The living ones, newest first, without plans, with the operation active on each."""

    async def having(self, service: ServiceName) -> Collection[EnvId]:
        """The living environments that have this service."""

    async def notice(self, env: EnvId, plans: Collection[ServicePlan]) -> None:
        """Keep for which services GitLab has the branch; nothing else of the plans is changed.

        What an operation has decided otherwise meanwhile stays.
        """

    async def recovered(self, env: EnvId, last: OpId, *, back_to: int | None) -> bool:
        """All that it wants was seen ready: an environment left half-way is ready, and so its set.

        Args:
            env: it.
            last: the newest operation when that was seen; where there is a newer one, nothing is.
            back_to: the set that a rollback went back to, where one was the last.
        """

    async def in_the_way(self, new: NewEnvironment) -> BranchTaken | QuotaReached | None:
        """What a create of it would be answered now; reserves nothing."""


class OperationRows(Protocol):
    """Operations, those that are over among them."""

    async def operation(self, op: OpId) -> Operation | None:
        """By id."""

    async def operations(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        """Of one environment, newest first."""

    async def worked_on(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        """Of one environment, newest first, without what did nothing to it.

        That is dry runs, what was refused or withdrawn before it began, and jobs that are over.
        """

    async def past(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        """Of all environments that this one's branch ever had, newest first."""

    async def stage_jobs(self, stage: StageName, *, limit: int) -> Sequence[Operation]:
        """The jobs that ran for a stage by themselves, newest first."""

    async def durations(self, env: EnvId, kind: Kind, *, limit: int) -> Durations:
        """How long operations of this kind about every service took to succeed."""


class Pasts(Protocol):
    """What became of an environment before."""

    async def ready_sets(self, env: EnvId) -> Sequence[ReadySet]:
        """The versions that were ready together, newest first; the last twenty are kept."""

    async def deeds(self, env: EnvId, *, limit: int) -> Sequence[Deed]:
        """What was decided about all environments that this one's branch ever had, newest first."""

    async def missing(self, env: EnvId) -> bool:
        """Whether it lives, and Argo CD was found to have nothing of it."""

    async def deleted(self, text: str) -> Deleted | None:
        """The environment of this branch or name that was deleted last, however long ago."""

    async def deleted_since(self, at: datetime) -> Sequence[Deleted]:
        """What was deleted since then and is not there again, newest first, without plans."""

    async def last_audited(self, env: EnvId, actions: Collection[str]) -> str | None:
        """Which of these actions was the last to be done to this environment; None: none ever."""


class Deliveries(Protocol):
    """What came in before."""

    async def saw(self, key: str) -> bool:
        """Note a delivery; True the first time, False ever after (kept for a day or more)."""

    async def done(self, key: str) -> bool:
        """Whether what it asks for was done, where that can be undone by somebody else."""

    async def claim(self, key: str, lasts: timedelta) -> bool:
        """Whether nobody else has it; one's own until it is forgotten, or for as long at most."""

    async def forget(self, key: str, *, had: datetime | None = None) -> None:
        """It was noted for something that is over or did not come about: the next is the first.

        Where somebody else may have claimed it since, only what one `had` at that moment.
        """


class Lifetimes(Protocol):
    """How long environments live, and whose they are.

    Each change commits with its audit row; None: the environment goes or is gone. But for `extend`
    what the delivery `key` has done already raises DoneBeforeError.
    """

    async def extend(
        self, env: EnvId, by: timedelta, who: Actor, *, most: timedelta | None, rule: str, key: str
    ) -> Moved | None:
        """Let it live longer; asked for again with the same `key`, no longer than that.

        Raises:
            UserError: it has the longest lifetime already.
        """

    async def pin(self, env: EnvId, pin: Pin, *, rule: str, key: str = "") -> Moved | None:
        """Keep it whatever its lifetime."""

    async def unpin(self, env: EnvId, who: Actor, *, rule: str, key: str = "") -> Moved | None:
        """End that."""

    async def transfer(
        self, env: EnvId, to: Actor, who: Actor, *, limit: int, rule: str, key: str = ""
    ) -> Moved | QuotaReached | None:
        """Give it to somebody else, who may not have `limit` of them already."""

    async def used(self, what: str, by: Actor, thing: str) -> None:
        """Somebody used an environment: by its id, branch or name, or by an operation's id.

        At most one write a minute and environment; what is none is passed over.
        """


class Store(Environments, OperationRows, Pasts, Deliveries, Protocol):
    """Reads for everybody."""
