"""What is known of branches and merge requests, first hand, and since when. Pure.

GitLab's own dates do not say when a branch was pushed or first seen, and its `merged` is true of
a fresh branch too; so Qbot keeps what it saw itself.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
    at: datetime  # of its last change, a comment's too, by GitLab's clock: what is newer counts
    target: BranchName
    sha: str  # the newest commit that it holds
    url: str
    ended_at: datetime | None = None  # merged or closed; None: it is open, or nobody knows when
    by: str = ""  # who did what a hook tells, a GitLab username: outside text


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
    opened_at: datetime | None = None  # its merge request, as a hook told
    opened_by: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What GitLab itself said of a branch of one project."""

    project: ProjectPath
    commit: Commit | None  # None: it is not there, and the project can be read
    at: datetime  # when it was asked


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
    env: EnvId | None = None
