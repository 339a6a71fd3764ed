"""What operations on stages need of the outside, beside `qbot.domain.ports`."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qbot.domain.approvals import Person
from qbot.domain.barriers import Freeze, Hold, Lock
from qbot.domain.health import AppState
from qbot.domain.jobs import Job, JobRun
from qbot.domain.names import AppName, OpId, ProjectPath, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import Account, Approval, Promotion, PromotionState
from qbot.domain.release import Diff, StageProgress
from qbot.domain.stages import Stage


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

    async def start_pipeline(
        self, project: ProjectPath, ref: str, variables: Mapping[str, str], *, key: str
    ) -> int:
        """Start a pipeline once: one whose variable QBOT_KEY is `key` is found again; its id."""

    async def pipeline(self, project: ProjectPath, pipeline: int) -> tuple[str, str]:
        """Its status in GitLab's word, and its URL."""


class ConfigRepository(ConfigFiles, MergeRequests, Pipelines, Protocol):
    """GitLab projects that Qbot writes to."""

    async def record_deployment(
        self, project: ProjectPath, *, environment: str, sha: str, ref: str, succeeded: bool
    ) -> None:
        """A deployment record; the same (environment, sha) that succeeded counts once."""


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

        `urgent` goes first where neighbours grant a few questions a minute: an emergency.
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

    async def start(self, job: Job, values: Mapping[str, str], *, key: str) -> str:
        """Begin it once (`key` finds an earlier start); a handle for `look`.

        `values` fill the braces. An HTTP job is done when this returns: its handle says so.
        """

    async def look(self, job: Job, handle: str) -> JobRun:
        """How it stands."""


class StageApplications(Protocol):
    """The stages' Applications in one Argo CD; Qbot never creates, changes or deletes one."""

    async def survey(self, stage: Stage) -> Mapping[ServiceName, "StageApp"]:
        """All of them, in one list call."""

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


class Decisions(Protocol):
    """Promotions, and what was said about them. Raises TransientError.

    `rule`, here and below, is what allowed the person to do it, for the audit row that commits
    with it.
    """

    async def promotion(self, number: PromotionId) -> Promotion | None:
        """By number."""

    async def of_operation(self, op: OpId) -> Promotion | None:
        """The one that an operation carries."""

    async def changes(self, number: PromotionId) -> Diff:
        """The lines that it changes, as they were when its merge request was made last."""

    async def promotions(
        self,
        stage: StageName | None,
        *,
        limit: int,
        states: Collection[PromotionState] = (),
    ) -> Sequence[Promotion]:
        """Newest first; no states: all."""

    async def places(self, stage: StageName) -> Mapping[ServiceName, PromotionId]:
        """Which open promotion has each service; those that none has are not in."""

    async def approvals(self, number: PromotionId) -> Sequence[Approval]:
        """All that was said, in the order in which it came."""

    async def decide(self, approval: Approval, *, rule: str) -> Sequence[Approval] | None:
        """Write one word down with its audit row and wake the operation, in one commit.

        None: the promotion is no longer open. Somebody's second word replaces nothing: the rows
        are as before then. Otherwise all of them, the new one among them.
        """

    async def give_up(self, number: PromotionId, by: Actor, *, rule: str = "") -> bool:
        """End one that is being deployed: its operation stops; False: it is not any more."""


class Freezes(Protocol):
    """Stages that are closed. Raises TransientError."""

    async def freezes(self, stage: StageName | None = None) -> Sequence[Freeze]:
        """Those that hold, without those of the calendar."""

    async def freeze(self, freeze: Freeze, *, rule: str = "") -> bool:
        """Declare one; False: the stage is frozen already."""

    async def unfreeze(self, stage: StageName, by: Actor, *, rule: str = "") -> bool:
        """End it; False: there was none."""


class LockRows(Protocol):
    """What people keep for themselves, and who waits for it. Raises TransientError."""

    async def locks(self, scope: str | None = None) -> Sequence[Lock]:
        """Those that hold."""

    async def lock(self, lock: Lock, *, rule: str = "") -> Lock | None:
        """Take it; somebody else's that stands in the way is answered instead."""

    async def unlock(self, scope: str, by: Actor, *, force: bool, rule: str = "") -> Lock | None:
        """End one's own, or with `force` anybody's; what was ended is answered."""

    async def await_free(self, scope: str, who: Actor) -> None:
        """Remember who wants to be told when the lock ends."""

    async def waiting_for(self, scope: str, *, take: bool) -> Sequence[Actor]:
        """Who wants to be told; `take` forgets them."""

    async def awaited(self) -> Sequence[str]:
        """Scopes that somebody wants to be told about, locked or not."""


class Holds(Protocol):
    """Services that stay as they are after a rollback. Raises TransientError."""

    async def holds(self, stage: StageName | None = None) -> Sequence[Hold]:
        """Services that are held."""

    async def release(
        self, stage: StageName, services: Collection[ServiceName], by: Actor, *, rule: str = ""
    ) -> Sequence[Hold]:
        """Let go of these (none named: all); what was held is answered."""


class LinkedAccounts(Protocol):
    """GitLab accounts that people linked. Raises TransientError."""

    async def accounts(self, actors: Collection[Actor]) -> Mapping[Actor, Account]:
        """The GitLab accounts that these people linked; who did not is not in."""

    async def link(self, actor: Actor, account: Account, *, rule: str = "") -> None:
        """Write it down, in the place of an earlier one."""


class Promotions(Decisions, Freezes, LockRows, Holds, LinkedAccounts, Protocol):
    """The rows of promotions and of all that stands in their way."""
