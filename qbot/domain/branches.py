"""What is known of branches and merge requests, first hand, and since when. Pure.

GitLab's own dates do not say when a branch was pushed or first seen, and its `merged` is true of
a fresh branch too; so Qbot keeps what it saw itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from qbot.domain.environment import Phase
from qbot.domain.names import BranchName, EnvId, OpId, ProjectPath, ServiceName
from qbot.domain.services import Commit


class MergeState(StrEnum):
    """GitLab's words for where a merge request is."""

    OPENED = "opened"
    MERGED = "merged"
    CLOSED = "closed"
    LOCKED = "locked"  # being merged at this moment


@dataclass(frozen=True, slots=True)
class BranchFact:
    """One branch of one project, as last seen."""

    project: ProjectPath
    branch: BranchName
    sha: str
    seen_at: datetime  # when Qbot first saw this commit there
    pushed_at: datetime | None = None  # the true time of its push; None: nobody told
    gone_at: datetime | None = None  # the first 404 for exactly this, the project being readable
    gone_again_at: datetime | None = None  # the newest 404 that confirms it

    @property
    def gone(self) -> bool:
        """Twice said to be gone, and not seen since."""
        return self.gone_at is not None and self.gone_again_at is not None


@dataclass(frozen=True, slots=True)
class MergeFact:
    """One merge request whose source is a branch of its own project, as last seen."""

    project: ProjectPath
    branch: BranchName
    iid: int
    state: MergeState
    at: datetime  # when it came to this state or was last changed, by GitLab's clock
    target: BranchName
    sha: str  # the newest commit that it holds
    url: str


@dataclass(frozen=True, slots=True)
class BranchFacts:
    """All that is known of one branch name, over all projects; nothing is no proof of anything."""

    branches: tuple[BranchFact, ...] = ()
    merges: tuple[MergeFact, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """A branch that somebody has to look at, and what is said of it."""

    project: ProjectPath
    branch: BranchName
    number: int  # grows when there is a new reason meanwhile
    pushed: str = ""  # the commit that was pushed, as a hook told
    pushed_at: datetime | None = None
    pushed_by: str = ""


@dataclass(frozen=True, slots=True)
class Tip:
    """A branch's newest commit and what became of it; outside text but for ids."""

    fact: BranchFact
    by: str = ""  # who pushed or made it
    asked_sha: str = ""  # the commit for which a sync was asked last
    asked_op: OpId | None = None


class NewerState(StrEnum):
    """Why a newer commit does not run yet."""

    BUILDING = "building"
    BUILD_FAILED = "build-failed"
    LOCKED = "locked"  # somebody has locked the environment


@dataclass(frozen=True, slots=True)
class Newer:
    """A commit that an environment's branch has and the environment does not run yet."""

    service: ServiceName
    sha: str
    by: str  # outside text
    state: NewerState


class Branches(Protocol):
    """What was seen of the branches that environments are named after.

    Every call may raise TransientError.
    """

    async def facts(self, branches: Collection[BranchName]) -> Mapping[BranchName, BranchFacts]:
        """Of each of these names, exactly; each is in the answer."""


@dataclass(frozen=True, slots=True)
class NoteDue:
    """A merge request that says how the environment of its branch is, or should."""

    project: ProjectPath
    iid: int
    branch: BranchName
    url: str
    phase: Phase | None  # None: there is no environment any more
    note: int | None = None  # the comment's id
    shown: str = ""  # what it says, as a digest


class Tips(Protocol):
    """The newest commits that were seen. Raises TransientError."""

    async def tips(self, branch: BranchName) -> Sequence[Tip]:
        """Of all projects that have the branch."""


class BranchRows(Branches, Tips, Protocol):
    """The same with what its keeper needs: looks that are due, what they find, what is behind."""

    async def take_looks(self, limit: int) -> Sequence[Look]:
        """Looks that are due, for this worker alone for a minute."""

    async def saw(self, look: Look, commit: Commit) -> None:
        """The branch is there, with this tip."""

    async def missed(self, look: Look) -> None:
        """GitLab says that it is not there, and shows the project; looked at again in minutes."""

    async def put_off(self, look: Look, seconds: float) -> None:
        """GitLab did not say."""

    async def seed(self, env: EnvId, known: Collection[tuple[ProjectPath, str]]) -> None:
        """What an environment found when it resolved its branch, where nothing is known yet."""

    async def unseeded(self) -> Sequence[EnvId]:
        """Living environments that run their branch, of which nothing is known."""

    async def behind(self) -> Sequence[EnvId]:
        """Living environments whose branch has a commit that none of their services runs."""

    async def asked(self, tips: Collection[Tip], op: OpId) -> None:
        """A sync was asked for because of these."""

    async def note(self, env: EnvId, newer: Sequence[Newer]) -> None:
        """Let the environment's newest card say so; nothing is changed where it does."""


class BuildNews(Protocol):
    """What hooks said of pipelines. Raises TransientError."""

    async def heard(self, project: ProjectPath, sha: str) -> int:
        """Grows each time something is heard of that commit's pipelines; 0: nothing yet."""


class NoNews:
    """Nobody tells anything."""

    async def heard(self, project: ProjectPath, sha: str) -> int:  # noqa: ARG002  (the port's)
        """Nothing."""
        return 0


class NoTips:
    """Nothing was seen."""

    async def tips(self, branch: BranchName) -> Sequence[Tip]:  # noqa: ARG002  (the port's)
        """Nothing."""
        return ()
