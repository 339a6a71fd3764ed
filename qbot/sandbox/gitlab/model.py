"""What this GitLab stores beside its repositories: plain records, no behaviour worth a name."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from qbot.sandbox.repos import DEFAULT_BRANCH, Repository


class Role(IntEnum):
    """GitLab's access levels."""

    NONE = 0
    GUEST = 10
    REPORTER = 20
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50


@dataclass(slots=True, eq=False)
class User:
    """An account; `public_email` is empty unless its owner chose to show it."""

    id: int
    username: str
    name: str
    email: str
    created_at: datetime
    public_email: str = ""
    admin: bool = False
    bot: bool = False


@dataclass(slots=True, eq=False)
class Token:
    """A personal or group access token."""

    id: int
    secret: str
    user: User
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked: bool = False


@dataclass(slots=True, eq=False)
class Group:
    """A group or subgroup; `path` is the full path."""

    id: int
    path: str
    name: str
    created_at: datetime
    parent: "Group | None" = None
    members: dict[int, Role] = field(default_factory=dict)  # user id -> own level


ACTIVE = frozenset({"created", "pending", "running"})


@dataclass(slots=True, eq=False)
class Job:
    """A job of a pipeline, or a commit status that another system reported (`external`)."""

    id: int
    name: str
    stage: str
    status: str
    user: User
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    external: bool = False
    script: tuple[str, ...] = ()
    seconds: float | None = None  # how long it really takes; None: as long as others
    retried: bool = False
    target_url: str | None = None
    description: str | None = None


@dataclass(slots=True, eq=False)
class Pipeline:
    """One pipeline of one commit; one of a merge request knows that one's source branch."""

    id: int
    iid: int
    ref: str
    sha: str
    source: str
    user: User
    created_at: datetime
    updated_at: datetime
    status: str = "created"
    before_sha: str = "0" * 40
    source_branch: str = ""
    tag: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    jobs: list[Job] = field(default_factory=list)
    variables: list[dict[str, str]] = field(default_factory=list)

    def about(self, ref: str) -> bool:
        """Whether it ran for a branch or tag, also by way of a merge request."""
        return ref in (self.ref, self.source_branch)

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.status in ACTIVE


@dataclass(slots=True, eq=False)
class Note:
    """A comment on a merge request."""

    id: int
    body: str
    author: User
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True, eq=False)
class MergeRequest:
    """A merge request into a project; `sha` is the newest commit of its source branch."""

    id: int
    iid: int
    title: str
    source_branch: str
    target_branch: str
    author: User
    sha: str
    created_at: datetime
    updated_at: datetime
    checked_at: datetime  # from then on its mergeability is known
    description: str = ""
    state: str = "opened"
    labels: list[str] = field(default_factory=list)
    squash: bool = False
    squash_message: str = ""  # for the one commit; empty: its title
    unresolved: bool = False  # somebody began a thread that is not resolved
    remove_source: bool = False
    fork: int | None = None  # id of the project that the source branch is in, if another
    base_sha: str = ""  # where the branches parted, as of the newest push
    auto_merge_user: User | None = None
    merge_user: User | None = None
    merged_at: datetime | None = None
    closed_by: User | None = None
    closed_at: datetime | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    merge_error: str | None = None
    rebasing: bool = False
    approvals: dict[int, datetime] = field(default_factory=dict)  # user id -> when
    notes: list[Note] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Environment:
    """Where a project is deployed to."""

    id: int
    name: str
    slug: str
    tier: str
    created_at: datetime
    updated_at: datetime
    state: str = "available"
    external_url: str = ""
    description: str = ""
    auto_stop: str = "always"


@dataclass(slots=True, eq=False)
class Deployment:
    """One deployment to an environment, as another system reported it."""

    id: int
    iid: int
    environment: Environment
    ref: str
    sha: str
    tag: bool
    user: User
    created_at: datetime
    updated_at: datetime
    status: str = "created"
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """What a tag of the registry stands for: every push under it is another image."""

    pushes: int
    pushed_at: datetime


@dataclass(slots=True, eq=False)
class ImageRepository:
    """The images that a project builds, by tag."""

    id: int
    created_at: datetime
    tags: dict[str, Image] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Protection:
    """What one must be to push to a protected branch, or to merge into it."""

    push: Role = Role.MAINTAINER
    merge: Role = Role.DEVELOPER


@dataclass(slots=True, eq=False)
class Project:
    """A project and everything in it; `path` is the full path.

    `needs_pipeline`: merge requests wait for a pipeline that passed; `needs_discussions`: for every
    thread to be resolved; `needs_approvals`: for so many people. `variables_role`: the least
    that may set variables of a pipeline, None: nobody. `shared` names groups whose members are in
    the project too, each at most with that role. `protected` are the branches with rules of their
    own; the default branch is protected in any case.
    """

    id: int
    path: str
    group: Group
    repository: Repository
    created_at: datetime
    last_activity_at: datetime
    default_branch: str = DEFAULT_BRANCH
    archived: bool = False
    needs_pipeline: bool = False
    needs_discussions: bool = False
    needs_approvals: int = 0
    merge_method: str = "merge"
    squash_option: str = "default_off"
    variables_role: Role | None = Role.DEVELOPER
    shared: dict[str, Role] = field(default_factory=dict)
    protected: dict[str, Protection] = field(default_factory=dict)
    pipelines: list[Pipeline] = field(default_factory=list)
    merge_requests: list[MergeRequest] = field(default_factory=list)
    environments: list[Environment] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    members: dict[int, Role] = field(default_factory=dict)
    images: ImageRepository | None = None

    def protection(self, branch: str) -> Protection | None:
        """The rules of a branch; None where everybody who may push at all may push to it."""
        found = self.protected.get(branch)
        return found or (Protection() if branch == self.default_branch else None)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Push:
    """A branch or tag moved; `before` or `after` is 40 zeros where it was made or deleted."""

    project: Project
    ref: str  # refs/heads/... or refs/tags/...
    before: str
    after: str
    user: User

    @property
    def branch(self) -> str | None:
        """The branch's name; None for a tag."""
        found = self.ref.removeprefix("refs/heads/")
        return found if found != self.ref else None


ZERO_SHA = "0" * 40
