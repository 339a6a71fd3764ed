"""What the operations need of the outside, in Qbot's words. Gateways and the store implement it."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from qbot.domain.names import BranchName, ProjectPath, ServiceName
from qbot.domain.operation import (
    Operation,
)
from qbot.domain.people import Actor
from qbot.domain.progress import End
from qbot.domain.release import Shown
from qbot.domain.services import Build, Commit, Service, ServicePlan


class Fenced(Exception):  # noqa: N818  (not a fault: somebody else carries the operation on)
    """The claim was lost: another worker holds the operation; write nothing more."""


class EndedMeanwhile(Exception):  # noqa: N818  (not a fault: somebody was faster)
    """What a step says of a promotion is not so any more: somebody else has ended it.

    Args:
        name: of the promotion.
        end: what that is for the operation that carries it.
        why: as it is written in the promotion's row.
    """

    def __init__(self, name: str, end: End, why: str) -> None:
        super().__init__(f"{name} is {end.value}: {why}")
        self.end, self.why = end, why


class Clock(Protocol):
    """Time, passed in. Real in production, moved by hand in tests."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Wait; a clock moved by hand wakes early."""


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

    async def repeated(self, who: Actor, action: str, detail: Mapping[str, str]) -> None:
        """Note that somebody said the same again, which changes nothing; always a row.

        Raises:
            TransientError: the database is away.
        """


class Answers(Protocol):
    """Private answers to the person who asked; best effort, never awaited by a result."""

    def tell(self, op: Operation, error: Exception) -> Awaitable[None]:
        """Say why the operation was refused."""

    def waiting(self, op: Operation, why: str) -> Awaitable[None]:
        """Say that a dry run takes longer than usual; `why` is empty while that is not known."""

    def preview(self, op: Operation, progress: Shown) -> Awaitable[None]:
        """Show what a dry run would do."""
