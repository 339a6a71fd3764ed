"""Operations: what is asked for, and the rows that make it durable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from qbot.domain.barriers import Lock
from qbot.domain.branches import Newer
from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import Input, SyncInput, resumes
from qbot.domain.lifetime import Term
from qbot.domain.names import EnvId, OpId, StageName
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import Request
from qbot.domain.reaping import Cause
from qbot.domain.release import Shown


class OpState(StrEnum):
    """Where an operation's row is.

    queued -> running -> done; running -> ready after its worker was lost; running -> waiting
    (for a signal or a time) -> ready.
    """

    QUEUED = "queued"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Submission:
    """A wish to be written down. `key` makes the same delivery count once (any text, unique).

    `rule` is what allowed the actor to ask, for the audit log. `request` is needed by the kinds
    that carry a promotion, unless it is a dry run.
    """

    kind: Kind
    input: Input
    env: EnvId | None  # None: it is for a stage, or a dry run of a create
    actor: Actor
    place: Place
    key: str
    rule: str = ""
    stage: StageName | None = None  # in the place of an environment
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation's row as read. Times are aware, in UTC."""

    id: OpId
    kind: Kind
    input: Input
    env: EnvId | None
    actor: Actor
    place: Place
    state: OpState
    created_at: datetime
    end: End | None = None
    ended_at: datetime | None = None
    headline: str = ""
    cancel_by: Actor | None = None  # somebody asked to cancel it
    progress: Shown | None = None  # the newest that was written
    stage: StageName | None = None  # in the place of an environment

    @property
    def purpose(self) -> Kind:
        """What it is for people: what goes on with a creation or a rollback is still one."""
        if isinstance(self.input, SyncInput) and self.input.goal:
            return Kind.RESTORE
        return Kind.CREATE if resumes(self.input) else self.kind


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one worker to carry an operation on.

    Every write carries `fence`, so that a worker that lost its lease cannot write.
    `steps` are the results recorded so far, by step name.
    """

    operation: Operation
    worker: str
    fence: int
    steps: Mapping[str, Any] = field(default_factory=dict)
    resumed: bool = False  # an earlier claim may have ended in the middle of a step


@dataclass(frozen=True, slots=True)
class Woken:
    """A wait is over: by a signal, its time, or a wish to cancel."""

    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker learns when it renews its lease."""

    lost: frozenset[OpId]  # of those it said it runs: no longer its own, stop at once
    cancelled: frozenset[OpId]  # somebody asked these to stop
    taken_over: int  # how many operations of dead workers became ready


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to a submission: the new operation, or the one that stands in its place."""

    operation: Operation
    fresh: bool  # False: the same `key` was submitted before, or the same command is under way
    repeated: bool = False  # the same `key`: one delivery that came again


@dataclass(frozen=True, slots=True)
class BranchTaken:
    """A create was refused by the database: a living environment has this branch already."""

    environment: Environment
    operation: Operation | None  # the one that runs or queues on it, oldest first


@dataclass(frozen=True, slots=True)
class QuotaReached:
    """A create was refused: `limit` environments exist (of the owner, or in all)."""

    limit: int
    owner: Actor | None  # None: the limit for all
    holders: tuple[Environment, ...]  # the longest unused first
    used: Mapping[EnvId, datetime] = field(default_factory=dict)  # when each was, last


@dataclass(frozen=True, slots=True)
class NewEnvironment:
    """What a create reserves in the same transaction as its operation."""

    environment: Environment
    limit_per_owner: int
    limit_total: int


@dataclass(frozen=True, slots=True)
class CardRow:
    """One operation's message. `version` counts what should be shown, `shown` what is."""

    op: OpId
    progress: Shown
    version: int
    shown: int
    shown_hash: str
    channel: str  # where it should go: a channel, or a user id for a DM
    posted_channel: str = ""  # the id that Slack answered (a DM's differs from the user's)
    ts: str = ""  # of the message, once posted
    end_ts: str = ""  # of the thread reply that tells the end; `-` if it was given up
    trying: bool = False  # a post was begun and its answer never written: look before repeating
    trying_end: bool = False
    superseded: str = ""  # the environment is gone: buttons go, this sentence comes
    changed_at: datetime | None = None  # when `version` last grew
    followed_by: OpId | None = None  # the operation whose card tells how this one goes on
    term: Term | None = None  # of a lifetime that was changed since the operation was asked for
    missing: bool = False  # Argo CD was found to have nothing of the environment
    newer: tuple[Newer, ...] = ()  # commits of its branch that the environment does not run yet


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One channel's board: the message that shows all of its operations while many run."""

    channel: str
    ts: str = ""  # of the message; empty before the first post and after it was lost
    shown_hash: str = ""
    trying_since: datetime | None = None  # a post was begun and its answer never written


@dataclass(frozen=True, slots=True)
class Durations:
    """What earlier operations about every service took to succeed, in seconds, newest first."""

    of_environment: tuple[float, ...] = ()
    of_catalog: tuple[float, ...] = ()  # environments of a choice of services left out


@dataclass(frozen=True, slots=True)
class Going:
    """It goes by itself, at that time at the earliest."""

    at: datetime
    because: Cause
    held: str = ""  # why it stays for now although it would go: the rest of a sentence


@dataclass(frozen=True, slots=True)
class EnvironmentSummary:
    """A row of `/env list`."""

    environment: Environment  # without its plans: read it by id for these
    operation: Operation | None  # the active one
    last_used: datetime  # by a person, or when its newest operation ended; else its creation
    failing: int = 0  # services that fail right now by Argo CD's word; the database knows none
    lock: Lock | None = None
    failure: str = ""  # what its newest operation failed with, where it needs attention
    gone: bool = False  # GitLab had its branch nowhere when a sync or a look asked for it last
    missing: bool = False  # Argo CD was found to have nothing of it
    goes: Going | None = None  # by itself, as its owner was told

    @property
    def needs_attention(self) -> bool:
        """Whether it was ready when it was last worked on, and is not any more."""
        was_ready = self.environment.phase is Phase.READY and self.operation is None
        return was_ready and (self.failing > 0 or self.missing)
