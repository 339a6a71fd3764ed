"""What the operations need of the outside, in Qbot's words. Gateways and the store implement it."""

from collections.abc import AsyncGenerator, Awaitable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from qbot.domain.environment import Environment, Phase, ReadySet
from qbot.domain.health import AppState
from qbot.domain.names import BranchName, EnvId, OpId, ProjectPath, ServiceName, StageName
from qbot.domain.operation import (
    BoardRow,
    BranchTaken,
    CardRow,
    Durations,
    EnvironmentSummary,
    NewEnvironment,
    Operation,
    QuotaReached,
)
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.domain.release import Shown
from qbot.domain.services import Build, Commit, Service, ServicePlan


class Fenced(Exception):  # noqa: N818  (not a fault: somebody else carries the operation on)
    """The claim was lost: another worker holds the operation; write nothing more."""


class Clock(Protocol):
    """Time, passed in. Real in production, moved by hand in tests."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Wait; a clock moved by hand wakes early."""


class ArgoCD(Protocol):
    """One Argo CD instance. Every call may raise TransientError or PermanentError."""

    async def survey(self, env: Environment) -> Mapping[ServiceName, AppState]:
        """All Applications that carry the environment's label, in one list call; BASE included."""

    async def failing(self, envs: Collection[EnvId]) -> Mapping[EnvId, int]:
        """How many services fail, by Argo CD's own word, in each of these environments.

        Without any: in all there are. Those without a failing service may be left out; an answer
        may be some seconds old.
        """

    async def ensure_project(self, env: Environment, services: Collection[Service]) -> None:
        """Create the AppProject or bring ours up to date.

        Raises:
            ForeignError: a project of that name exists and is not this environment's.
        """

    async def ensure_application(
        self, env: Environment, service: Service, plan: ServicePlan, *, op: OpId, validate: bool
    ) -> AppState:
        """Create the service's Application or bring ours up to date.

        Raises:
            UserError: Argo CD refuses the chart or the revision.
            TransientError: it exists and is still being deleted.
            PermanentError: an Application of that name exists and is not ours.
        """

    async def ensure_base(self, env: Environment, *, op: OpId) -> AppState:
        """The same for the Application that owns the namespace."""

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

    async def delete_application(self, env: Environment, service: ServiceName) -> bool:
        """Ask for cascading foreground deletion; it is gone when `read` answers None.

        True: Argo CD took it; False: it was absent.
        """

    async def delete_project(self, env: Environment) -> None:
        """Remove the AppProject; absent is fine.

        Raises:
            TransientError: Applications still refer to it.
        """

    async def read(self, env: Environment, service: ServiceName) -> AppState | None:
        """One Application, from the source of truth; None = proven absent."""

    async def project_exists(self, env: Environment) -> bool:
        """Whether an AppProject of the environment's name is there."""

    def watch(self, env: Environment) -> AsyncGenerator[Mapping[ServiceName, AppState]]:
        """The environment's Applications from the live view: at once, then on every change.

        Never ends by itself and survives broken streams; close it (`aclose`) when done.
        """

    def silent_since(self) -> datetime | None:
        """Since when the live view hears nothing from Argo CD; None while it does."""


class GitLab(Protocol):
    """One GitLab. Every call may raise TransientError or PermanentError."""

    async def heads(
        self, projects: Collection[ProjectPath], branch: BranchName
    ) -> Mapping[ProjectPath, Commit | None]:
        """The tip of `branch` in each project; None = GitLab says that the branch is not there."""

    async def defaults(self, services: Collection[Service]) -> Mapping[ServiceName, ServicePlan]:
        """The default branch's last commit whose pipeline passed, else (no CI) its tip."""

    async def resolve(self, project: ProjectPath, ref: str) -> Commit | None:
        """A branch, tag or commit id of one project."""

    async def builds(
        self, commits: Collection[tuple[ProjectPath, str]]
    ) -> Mapping[tuple[ProjectPath, str], tuple[Build, str]]:
        """The newest pipeline of each (project, sha): how it stands, and its URL."""

    async def branch_names(self, projects: Collection[ProjectPath], text: str) -> Sequence[str]:
        """Branches whose name contains `text`, over all projects, without repeats."""


class Store(Protocol):
    """Reads for everybody, outside any operation."""

    async def environment(self, env: EnvId) -> Environment | None:
        """By id."""

    async def find(self, text: str) -> Environment | None:
        """The living environment with this exact branch, else name; else the newest dead one."""

    async def environments(
        self, *, owner: Actor | None = None, phases: Collection[Phase] = ()
    ) -> Sequence[EnvironmentSummary]:
        """The living ones, newest first, without plans, with the operation active on each."""

    async def in_the_way(self, new: NewEnvironment) -> BranchTaken | QuotaReached | None:
        """What a create of it would be answered now; reserves nothing."""

    async def operation(self, op: OpId) -> Operation | None:
        """By id."""

    async def operations(self, env: EnvId, *, limit: int) -> Sequence[Operation]:
        """Of one environment, newest first."""

    async def stage_operations(self, stage: StageName, *, limit: int) -> Sequence[Operation]:
        """Of one stage, newest first; dry runs among them."""

    async def ready_sets(self, env: EnvId) -> Sequence[ReadySet]:
        """The versions that were ready together, newest first; the last twenty are kept."""

    async def durations(self, env: EnvId, kind: Kind, *, limit: int) -> Durations:
        """How long operations of this kind about every service took to succeed."""

    async def last_audited(self, env: EnvId, actions: Collection[str]) -> str | None:
        """Which of these actions was the last to be done to this environment; None: none ever."""

    async def saw(self, key: str) -> bool:
        """Note a delivery; True the first time, False ever after (kept for a day or more)."""


class Audit(Protocol):
    """The append-only log, for decisions that belong to no operation."""

    async def turned_away(self, who: Actor, rule: str, channel: str) -> None:
        """Note that a rule refused somebody's request; the same again within a minute is one row.

        Raises:
            TransientError: the database is away.
        """

    async def refused(self, who: Actor, action: str, rule: str, detail: Mapping[str, str]) -> None:
        """Note that a rule refused one thing to somebody whom Qbot serves; always a row.

        Raises:
            TransientError: the database is away.
        """


class Cards(Protocol):
    """The messages' rows, for the one dispatcher that may write to Slack at a time."""

    async def lead(self, worker: str, seconds: float) -> bool:
        """Take or renew the dispatcher's lease; False while another worker holds it.

        Zero seconds let go of it.
        """

    async def behind(self) -> Sequence[CardRow]:
        """Cards whose message or end reply is missing or old; ended ones first."""

    async def card(self, op: OpId) -> CardRow | None:
        """By operation."""

    async def trying(self, op: OpId, *, end: bool) -> None:
        """Written before a message (or the end reply) is posted."""

    async def posted(
        self, op: OpId, *, end: bool, channel: str, ts: str, version: int, shown_hash: str
    ) -> None:
        """Written once Slack has answered a post."""

    async def shown(self, op: OpId, *, version: int, shown_hash: str) -> None:
        """The message shows this version now."""

    async def leave(self, op: OpId, *, version: int, end: bool) -> None:
        """Let this version, and with `end` a missing end, count as shown: Slack refuses it."""

    async def move(self, op: OpId, channel: str) -> None:
        """The message cannot be where it was wanted or is lost: post it anew, there."""

    async def running(self) -> Sequence[CardRow]:
        """Cards of all operations that have not ended, behind or not, oldest first."""

    async def boards(self) -> Sequence[BoardRow]:
        """Every channel's board that was ever begun."""

    async def save_board(self, board: BoardRow) -> None:
        """Write one channel's board, replacing what was known of it."""


class Answers(Protocol):
    """Private answers to the person who asked; best effort, never awaited by a result."""

    def tell(self, op: Operation, error: Exception) -> Awaitable[None]:
        """Say why the operation was refused."""

    def preview(self, op: Operation, progress: Shown) -> Awaitable[None]:
        """Show what a dry run would do."""
