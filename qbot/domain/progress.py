"""How far an operation is: the value that the card shows. Holds facts, no wording or markup."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from qbot.domain.jobs import JobRun
from qbot.domain.names import BranchName, EnvId, EnvName, OpId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import Source, short_image


class Kind(StrEnum):
    """What an operation does."""

    CREATE = "create"
    SYNC = "sync"
    TEARDOWN = "teardown"
    DEPLOY = "deploy"  # other versions of some services of an environment
    RESTORE = "restore"  # an environment back to the last set that was ready
    JOB = "job"  # a named job for an environment or a stage
    PROMOTE = "promote"  # versions to a stage
    ROLLBACK = "rollback"  # and back

    @property
    def of_stage(self) -> bool:
        """Whether it carries a promotion: its progress is a `StageProgress`."""
        return self in (Kind.PROMOTE, Kind.ROLLBACK)

    @property
    def holds(self) -> bool:
        """Whether it has its place to itself from the start.

        A promotion waits for people first, and asks for that on its way. A job never does: tests
        and messages may run beside anything, and what must not is a step of a promotion.
        """
        return not self.of_stage and self is not Kind.JOB


class Stage(StrEnum):
    """Where one service is within an operation."""

    PLANNED = "planned"  # nothing made yet
    BUILDING = "building"  # its commit's pipeline still runs
    BUILD_FAILED = "build-failed"
    SYNCING = "syncing"  # the Application exists; not deployed yet
    RETRYING = "retrying"  # its sync failed, and Argo CD tries again
    FALTERING = "faltering"  # looks broken, but not for long enough to be believed
    READY = "ready"
    FAILED = "failed"
    DELETING = "deleting"
    LEFT = "left"  # there still, although a tear-down has ended
    GONE = "gone"


UNDER_WAY = frozenset({Stage.SYNCING, Stage.RETRYING, Stage.FALTERING})  # made, not there yet
NOT_MADE = frozenset({Stage.PLANNED, Stage.BUILDING, Stage.BUILD_FAILED})


class Step(StrEnum):
    """What the operation as a whole is busy with, in the order of a life."""

    QUEUED = "queued"  # another operation of this environment goes first
    RESOLVING = "resolving"  # asking GitLab for branches and builds
    PROPOSING = "proposing"  # the merge request is being made
    APPROVING = "approving"  # people are asked
    BEFORE = "before"  # the job before the merge
    MERGING = "merging"
    PREPARING = "preparing"  # project, namespace
    DEPLOYING = "deploying"
    CHECKING = "checking"
    ANSWERING = "answering"  # the URL is asked
    AFTER = "after"  # the job after the deployment
    RUNNING = "running"  # a job by itself
    STOPPING = "stopping"  # running syncs are terminated
    REMOVING = "removing"
    PROVING = "proving"
    ENDED = "ended"


class End(StrEnum):
    """How an operation ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # nothing was made: the person was told why


@dataclass(frozen=True, slots=True)
class ServiceProgress:
    """One service; `reason` and `health` are Argo CD's words: outside text."""

    service: ServiceName
    stage: Stage
    source: Source = Source.DEFAULT
    ref: str = ""
    sha: str = ""
    wave: int = 0
    sync: str = ""
    health: str = ""
    reason: str = ""
    url: str = ""  # of the pipeline while building
    image: str = ""  # a tag or sha256:... in the place of the commit's own image
    unchecked: str = ""  # why nobody knows whether the image exists
    by: Actor | None = None  # who asked for this version by name
    was: str = ""  # the version before, in short, where the operation is about versions
    undoes: Actor | None = None  # whose rollback is taken back
    origin: str = ""  # branch of the environment that it is as in
    gone: bool = False  # its branch is not there any more
    stays: str = ""  # the version that is ready in place of one without a build, in short

    @property
    def serves(self) -> bool:
        """Whether it works, if not at the version that is wanted."""
        return self.stage is Stage.READY or bool(self.stays)

    @property
    def version(self) -> str:
        """The commit in short, or the image in its place; empty while it is not known."""
        return short_image(self.image) if self.image else self.sha[:8]


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that a tear-down looked for afterwards. `gone` None = it could not be checked."""

    thing: str
    gone: bool | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tries:
    """How Qbot fares with a neighbour that does not answer."""

    at: datetime  # of the last one
    count: int = 0  # so far; 0: it is listened to, and not asked each time
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Usual:
    """How long operations like this one took before: their median, and what it is the median of."""

    seconds: float
    runs: int
    here: bool  # of this environment; else of the whole catalog


@dataclass(frozen=True, slots=True)
class Continued:
    """The newer operation of the environment that an operation without success was followed by."""

    kind: Kind
    actor: Actor
    at: datetime
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """The set of versions that a rollback of an environment goes back to."""

    number: int
    at: datetime  # when they were found ready together


@dataclass(frozen=True, slots=True)
class Hook:
    """What GitLab told that began an operation, and no person."""

    what: str  # `push`, `merge request`
    by: str = ""  # whose, as GitLab calls them: outside text


@dataclass(frozen=True, slots=True)
class Progress:
    """One operation as people should see it now."""

    op: OpId
    kind: Kind
    env: EnvId
    name: EnvName
    branch: BranchName
    actor: Actor
    step: Step
    started_at: datetime
    updated_at: datetime  # when Qbot last knew this to be true
    services: tuple[ServiceProgress, ...] = ()
    end: End | None = None
    ended_at: datetime | None = None
    ended_by: Actor | None = None  # who cancelled it
    headline: str = ""  # the reason of an end or of a queue, in one sentence; may hold outside text
    trouble: str = ""  # a neighbour that does not answer, while Qbot waits for it
    trouble_since: datetime | None = None
    tries: Tries | None = None  # of the trouble; over, when it ended
    usual: Usual | None = None
    proofs: tuple[Proof, ...] = ()
    url: str = ""
    expires_at: datetime | None = None
    lifetime: timedelta | None = None  # from the environment's creation until `expires_at`
    cancelling: bool = False
    dry_run: bool = False
    left_out: tuple[ServiceName, ...] = ()  # not asked for, although they have the branch
    added: tuple[ServiceName, ...] = ()  # named in `--set`, not among the services asked for
    resumed: bool = False  # a sync that makes what a create left out
    continued: Continued | None = None
    job: JobRun | None = None  # of an operation that is one
    owner: Actor | None = None  # of the environment
    begun_at: datetime | None = None  # None: not yet; others may have gone first
    goal: Goal | None = None  # of a rollback
    pushed: bool = False  # a push began it, and no person
    switched: tuple[ServiceName, ...] = ()  # have the branch by now, and follow it
    test: JobRun | None = None  # that says whether what is deployed is ready
    brings_back: datetime | None = None  # when that was deleted whose versions a create brings
    leftovers: bool = False  # a tear-down of what a deleted environment has left
    hook: Hook | None = None

    @property
    def purpose(self) -> Kind:
        """What it is for people: what goes on with a creation or a rollback is still one."""
        if self.goal:
            return Kind.RESTORE
        return Kind.CREATE if self.resumed else self.kind

    @property
    def worked_from(self) -> datetime:
        """From when on its work counts: waiting for its turn is none."""
        return self.begun_at or self.started_at

    def counts(self) -> Counter[Stage]:
        """How many services are at each stage."""
        return Counter(s.stage for s in self.services)
