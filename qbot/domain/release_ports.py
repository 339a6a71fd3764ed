"""What operations on stages need of the outside, beside `qbot.domain.ports`."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qbot.domain.approvals import Person
from qbot.domain.health import AppState
from qbot.domain.jobs import Job, JobRun
from qbot.domain.names import AppName, OpId, ProjectPath, ServiceName
from qbot.domain.people import Actor
from qbot.domain.release import StageProgress
from qbot.domain.stages import Stage


class Unreadable(Exception):  # noqa: N818  (an answer, not a fault)
    """A registry does not tell Qbot which image a tag stands for; `str` is why."""


class Images(Protocol):
    """Container images of the services."""

    async def digest(
        self, project: ProjectPath, repositories: Collection[str], tag: str
    ) -> str | None:
        """What `tag` stands for now, in the one of these repositories that is there: `sha256:...`.

        None: there is no image of that tag.

        Raises:
            Unreadable: it cannot be known.
            TransientError: the registry does not answer.
        """


class Notices(Protocol):
    """Messages about promotions, beside their cards."""

    async def remind(self, who: Sequence[Actor], progress: StageProgress) -> None:
        """Ask these people to look at a promotion, by themselves; best effort."""

    async def shout(self, progress: StageProgress, who: Sequence[Actor], to: Actor | None) -> None:
        """Tell one person, or the stage's channel, that the glass was broken: once.

        `who` may approve otherwise: the channel's message names them. May raise Transient- or
        PermanentError.
        """

    async def void(
        self, progress: StageProgress, who: Sequence[Actor], why: str, *, key: str
    ) -> None:
        """Tell these people, below the card, that their word counts no more: once for a `key`.

        May raise Transient- or PermanentError.
        """


class People(Protocol):
    """Who somebody is and what they may do, across Slack and GitLab."""

    async def person(self, actor: Actor, *, fresh: bool = False, urgent: bool = False) -> Person:
        """Account and roles, as `persons`."""

    async def persons(
        self, actors: Sequence[Actor], *, fresh: bool = False, urgent: bool = False
    ) -> Sequence[Person]:
        """Accounts and roles, in this order. `fresh` asks anew: approvals and executions must.

        `urgent` goes first where neighbours grant a few questions a minute: an emergency. An
        answer of seconds ago to such a question is new enough for it, also with `fresh`.
        """

    def forget_groups(self) -> None:
        """A user group has changed: what is kept of groups is no answer any more."""

    async def holders(self, roles: Collection[str]) -> Sequence[Actor]:
        """Slack accounts that have one of these roles, as far as Slack or `people:` name them."""

    async def authors(self, emails: Collection[str]) -> Mapping[str, int]:
        """GitLab accounts by addresses of commits; those that GitLab does not show are not in."""

    async def accounts(self, roles: Collection[str]) -> frozenset[int]:
        """GitLab accounts that have one of these roles by a group in GitLab."""


class JobRunner(Protocol):
    """Runs what qbot.yaml names. Every call may raise Transient- or PermanentError."""

    async def before(self, job: Job, values: Mapping[str, str]) -> str:
        """What is there already, to be noted before `start` and given to it."""

    async def start(self, job: Job, values: Mapping[str, str], *, key: str, since: str) -> str:
        """Begin it once; a handle for `look`.

        An earlier start is found among what is not there `since` then: by `key`, or by being the
        same where there can be none. `values` fill the braces. An HTTP job is done when this
        returns: its handle says so. After a NotTakenError surely nothing was begun.
        """

    async def found(
        self, job: Job, values: Mapping[str, str], *, key: str, since: str
    ) -> str | None:
        """The handle of an earlier start that is seen by its `key`; none is made.

        None proves nothing: it may have none, or not be there yet.
        """

    async def look(self, job: Job, handle: str) -> JobRun:
        """How it stands."""


class StageApplications(Protocol):
    """The stages' Applications in one Argo CD; Qbot never creates, changes or deletes one."""

    async def survey(self, stage: Stage) -> Mapping[ServiceName, "StageApp"]:
        """All of them, in one list call."""

    async def ask(self, stage: Stage, *, within: float) -> None:
        """Whether it answers about them at all: one small call, within so many seconds."""

    async def read(self, stage: Stage, app: AppName) -> "StageApp | None":
        """One, from the source of truth."""

    def watch(self, stage: Stage) -> AsyncGenerator[Mapping[ServiceName, "StageApp"]]:
        """From the live view: at once, then on every change. Close it when done."""

    def silent_since(self) -> datetime | None:
        """Since when the live view of some stage hears nothing; None while all is well."""

    async def refresh(self, stage: Stage, app: AppName, *, hard: bool = False) -> None:
        """Let Argo CD look at git now."""

    async def sync(self, stage: Stage, app: AppName, *, op: OpId) -> None:
        """Ask for a sync at its own targetRevision; `op` goes into its info.

        Raises:
            TransientError: another operation is in progress.
        """

    async def terminate(self, stage: Stage, app: AppName) -> None:
        """Have its running sync stopped; none is fine."""

    async def log(self, stage: Stage, app: AppName, *, lines: int) -> tuple[str, ...]:
        """Last log lines of its most broken pod, oldest first; empty if there are none."""


@dataclass(frozen=True, slots=True)
class StageApp:
    """One Application of a stage. `state.env` is empty, `state.service` its service."""

    state: AppState
    images: tuple[str, ...]  # status.summary.images
    since: datetime | None  # when its newest entry of the history was deployed
    strays: bool = False  # none of its sources is in the stage's configuration repository
