"""What is known of branches and merge requests, first hand, and since when. Pure.

GitLab's own dates do not say when a branch was pushed or first seen, and its `merged` is true of
a fresh branch too; so Qbot keeps what it saw itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from qbot.domain.names import BranchName, ProjectPath


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


class Branches(Protocol):
    """What was seen of the branches that environments are named after.

    Every call may raise TransientError.
    """

    async def facts(self, branches: Collection[BranchName]) -> Mapping[BranchName, BranchFacts]:
        """Of each of these names, exactly; each is in the answer."""
