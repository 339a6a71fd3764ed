"""GitLab projects that Qbot writes to, in Qbot's words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qbot.domain.names import ProjectPath


@dataclass(frozen=True, slots=True)
class FileText:
    """A text file of a repository. `last_commit` guards an edit against somebody else's."""

    text: str
    last_commit: str


Files = Mapping[str, FileText | None]
"""By path; None: it is not there."""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file's whole new text."""

    path: str
    text: str
    last_commit: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What lies between two commits of one project. Outside text."""

    commits: int  # at least this many; GitLab cuts long lists
    authors: tuple[str, ...]  # names, those with most commits first
    titles: tuple[str, ...]
    files: tuple[str, ...]
    url: str
    modes: tuple[str, ...] = ()  # files that are of another kind now: executable, a link
    emails: tuple[str, ...] = ()  # of all authors


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A merge request as GitLab reports it."""

    iid: int
    url: str
    state: str  # opened, closed, merged, locked
    sha: str  # head of its source branch
    status: str  # detailed_merge_status: an open set of words
    source: str  # branch
    target: str  # branch; people may change it while it is open
    merge_sha: str = ""  # of the merge commit, or whatever brought it into the target branch
    pipeline: str = ""  # status of its head pipeline; empty: none
    pipeline_url: str = ""
    conflicts: bool = False
    error: str = ""  # merge_error
    merged_by: str = ""  # username
    merged_at: datetime | None = None  # in UTC
    foreign: bool = False  # its source branch is a fork's


class Moved(Exception):  # noqa: N818  (not a fault: somebody was faster)
    """The head of a branch or merge request is not what it was thought to be."""


class NotMergeable(Exception):  # noqa: N818  (an answer, not a fault)
    """GitLab will not merge now; `str` is its reason. Ask for the merge request to see which."""


class ConfigFiles(Protocol):
    """Branches, commits and files. Every call may raise Transient- or PermanentError."""

    async def head(self, project: ProjectPath, branch: str) -> str | None:
        """The branch's tip; None: no such branch."""

    async def files(self, project: ProjectPath, ref: str, paths: Collection[str]) -> Files:
        """Text files at a commit or branch; None: not there."""

    async def commit(
        self,
        project: ProjectPath,
        branch: str,
        *,
        start: str,
        message: str,
        edits: Sequence[FileEdit],
    ) -> str:
        """One commit with all edits on a branch of Qbot's own that starts at `start`; its sha.

        An earlier head of that branch is replaced. With no edits the branch alone is set, and
        `start` is answered.

        Raises:
            Moved: a file was changed since.
        """

    async def message_of(self, project: ProjectPath, sha: str) -> str:
        """A commit's whole message, with its trailers."""

    async def parents(self, project: ProjectPath, sha: str) -> tuple[str, ...]:
        """A commit's parents."""

    async def compare(self, project: ProjectPath, old: str, new: str) -> Comparison | None:
        """What `new` has that `old` has not; None: one of them is unknown."""

    async def contains(self, project: ProjectPath, branch: str, sha: str) -> bool:
        """Whether the branch has the commit."""

    async def merge_base(self, project: ProjectPath, one: str, other: str) -> str | None:
        """The newest commit that both have; None: they have none in common."""


class MergeRequests(Protocol):
    """Merge requests by project and iid. Errors as for `ConfigFiles`."""

    async def open_merge_request(
        self, project: ProjectPath, *, source: str, target: str, title: str, description: str
    ) -> MergeRequest:
        """The open merge request of these branches, made if it is not there."""

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        """As it is now, uncached."""

    async def merge(
        self, project: ProjectPath, iid: int, *, sha: str, message: str
    ) -> MergeRequest:
        """Merge, only if its head is still `sha`.

        Raises:
            Moved: it is not.
            NotMergeable: GitLab's own rules are in the way, for now or for good.
        """

    async def own_name(self) -> str:
        """The username of the account that merges; it does not change."""

    async def close_merge_request(self, project: ProjectPath, iid: int) -> None:
        """Close it and remove its branch; closed, merged or gone is fine."""

    async def close_branch(self, project: ProjectPath, branch: str) -> MergeRequest | None:
        """Close what is open of a branch of Qbot's own, and remove it; what was closed."""


class Pipelines(Protocol):
    """Pipelines that Qbot starts. Errors as for `ConfigFiles`."""

    async def newest_pipeline(self, project: ProjectPath, ref: str) -> int:
        """The id of the newest one that Qbot has started there; 0: none."""

    async def start_pipeline(
        self, project: ProjectPath, ref: str, variables: Mapping[str, str], *, key: str, after: int
    ) -> int:
        """Start a pipeline once: one after `after` is found again; its id.

        By its variable QBOT_KEY, which is `key`; where GitLab lets Qbot set none and it needs
        none, the first without one is it.
        """

    async def found_pipeline(
        self, project: ProjectPath, ref: str, *, key: str, after: int
    ) -> int | None:
        """The one that was started with this key; None: there is none."""

    async def pipeline(self, project: ProjectPath, pipeline: int) -> tuple[str, str]:
        """Its status in GitLab's word, and its URL."""


class ConfigRepository(ConfigFiles, MergeRequests, Pipelines, Protocol):
    """GitLab projects that Qbot writes to."""

    async def record_deployment(
        self, project: ProjectPath, *, environment: str, sha: str, ref: str, succeeded: bool
    ) -> None:
        """A deployment record; the same (environment, sha) that succeeded counts once."""
