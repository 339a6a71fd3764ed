"""What is asked of operations: their rows' inputs."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from qbot.domain.names import BranchName, EnvId, PromotionId, ServiceName, StageName
from qbot.domain.progress import Goal, Hook
from qbot.domain.reaping import Goes


@dataclass(frozen=True, slots=True)
class CreateInput:
    """`/env create`; an empty `services` means all of the catalog."""

    branch: BranchName
    services: tuple[ServiceName, ...] = ()
    overrides: tuple[tuple[ServiceName, str], ...] = ()
    source: EnvId | None = None  # `--from`
    ttl: timedelta | None = None
    dry_run: bool = False
    brings_back: EnvId | None = None  # a deleted one, whose versions are wanted again
    deleted_at: datetime | None = None  # when that one was
    hook: Hook | None = field(default=None, compare=False)  # that had it made


@dataclass(frozen=True, slots=True)
class SyncInput:
    """`/env sync`, and Retry failed; an empty `services` means all that the environment has."""

    services: tuple[ServiceName, ...] = ()
    prune: bool = False
    hard: bool = False
    refresh: bool = False  # also move what is pinned to the default branch
    dry_run: bool = False
    resume: bool = False  # make what a cancelled create left out
    retry: bool = False  # only what failed before
    creation: bool = False  # what failed before was a create
    pushed: bool = False  # a push asks: only what it left behind and may run moves
    goal: Goal | None = None  # what failed before was a rollback to these: nothing moves from them
    hook: Hook | None = field(default=None, compare=False)  # a push that asks; its work is the same


@dataclass(frozen=True, slots=True)
class TeardownInput:
    """`/env delete`. `reaped`: nobody asked for it, this is why it goes by itself.

    `judged`: the `mark` of the stand by which that was decided.
    """

    reaped: Goes | None = None
    judged: str = ""
    leftovers: bool = False  # it was deleted before, and something of it is there again


@dataclass(frozen=True, slots=True)
class DeployInput:
    """`/env deploy`: a ref for each service; `default` gives up an earlier one."""

    overrides: tuple[tuple[ServiceName, str], ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RestoreInput:
    """`/env rollback ENV`; an empty `services` means all."""

    services: tuple[ServiceName, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class JobInput:
    """`/env run`. `place` is the stage, where it is not for an environment."""

    job: str
    place: StageName | None = None
    reason: str = ""  # for an exception


@dataclass(frozen=True, slots=True)
class PromoteInput:
    """`/env promote`; an empty `services` means all that differ."""

    source: StageName | None  # a stage
    env: EnvId | None  # or a branch environment
    stage: StageName
    services: tuple[ServiceName, ...] = ()
    running: tuple[ServiceName, ...] = ()  # of these what runs counts, not what is written
    reason: str = ""  # for an exception
    dry_run: bool = False
    again: PromotionId | None = None  # Retry: go on with this one where it failed
    abandon: bool = False  # with it: close its merge request instead, and be done


@dataclass(frozen=True, slots=True)
class RollbackInput:
    """`/env rollback STAGE`; without `to`: to before the newest promotion."""

    stage: StageName
    services: tuple[ServiceName, ...] = ()
    to: PromotionId | None = None
    reason: str = ""
    emergency: bool = False
    dry_run: bool = False
    again: PromotionId | None = None  # Retry
    abandon: bool = False  # as above


Input = (
    CreateInput
    | SyncInput
    | TeardownInput
    | DeployInput
    | RestoreInput
    | JobInput
    | PromoteInput
    | RollbackInput
)


def resumes(asked: Input) -> bool:
    """Whether it goes on with a create that was cancelled or failed."""
    return isinstance(asked, SyncInput) and (asked.resume or asked.creation)


def hook_of(asked: Input) -> Hook | None:
    """What GitLab told that began it; None: a person did, or nobody wrote that down."""
    return asked.hook if isinstance(asked, CreateInput | SyncInput) else None


def follows_push(asked: Input) -> bool:
    """Whether nobody but a push asked for it."""
    return isinstance(asked, SyncInput) and asked.pushed


def goes_by_itself(asked: Input) -> bool:
    """Whether nobody but the reaper asked for it."""
    return isinstance(asked, TeardownInput) and asked.reaped is not None


def clears(asked: Input) -> bool:
    """Whether it takes away what an environment has left that was deleted before."""
    return isinstance(asked, TeardownInput) and asked.leftovers


def brings_back(asked: Input) -> datetime | None:
    """When that was deleted what it brings back; None: it does not."""
    return asked.deleted_at if isinstance(asked, CreateInput) else None


def gives_up(wanted: Input) -> bool:
    """Whether it takes a failed promotion up only to end it."""
    return isinstance(wanted, PromoteInput | RollbackInput) and wanted.abandon


def is_dry(asked: Input) -> bool:
    """Whether it only shows what would be done: it has no card and holds nothing."""
    dry = CreateInput | SyncInput | DeployInput | RestoreInput | PromoteInput | RollbackInput
    return isinstance(asked, dry) and asked.dry_run


def is_whole(asked: Input) -> bool:
    """Whether it is about every service, from nothing said before: such runs take alike long."""
    match asked:
        case CreateInput() | RestoreInput():
            return not asked.services
        case SyncInput():
            return not (asked.services or asked.resume or asked.retry or asked.pushed)
        case TeardownInput():
            return True
        case DeployInput() | JobInput() | PromoteInput() | RollbackInput():
            return False
