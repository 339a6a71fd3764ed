"""What the reaper tells people and what they answer: values and ports. Pure.

The reaper writes down what should be said; whoever writes to Slack brings it there and writes
down that it stands there. A message is found again by its id, edited and never posted twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from qbot.domain.auto_creation import Unmade
from qbot.domain.names import BranchName, EnvId, EnvName
from qbot.domain.orphans import Stray
from qbot.domain.people import Actor
from qbot.domain.reaping import Cause, Goes


class Fate(StrEnum):
    """What became of an environment whose owner was warned."""

    OPEN = "open"  # it goes when it is due
    STAYS = "stays"  # it is used, kept or extended, or its cause is no more
    NEWER = "newer"  # another warning stands for it: of another cause, or to another owner
    GOING = "going"  # its deletion was begun
    GONE = "gone"
    RESTORED = "restored"  # it was gone; another one with its versions took its place


@dataclass(frozen=True, slots=True)
class Warned:
    """To the owner: one of theirs goes by itself, when and why.

    `goes.due_at` is when it may go at the earliest. `by` used, kept, extended, pinned or deleted
    it; None: nobody did, or nobody knows. `why` is the rest of a sentence on why it stays; outside
    text.
    """

    env: EnvId
    name: EnvName
    branch: BranchName
    owner: Actor
    goes: Goes
    fate: Fate = Fate.OPEN
    why: str = ""
    by: Actor | None = None
    at_once: bool = (
        False  # no grace: it goes as soon as this stands there; then only restoring helps
    )
    held: str = ""  # why it stays for now although it would go: the rest of a sentence


@dataclass(frozen=True, slots=True)
class Reminder:
    """To the owner, below the warning: it goes soon, or `again`: it was used, and goes later.

    Posted once and never edited.
    """

    warned: Warned
    again: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that would go if a human says Go."""

    env: EnvId
    branch: BranchName  # outside text, as ever
    owner: Actor
    cause: Cause
    due_at: datetime
    since: datetime | None = None  # when the cause came about; None: nobody wrote that down
    warned: bool = True  # else its owner is told only after a Go, and then it has its grace
    grace: timedelta = timedelta()


NO_GO_HOLDS = timedelta(days=1)
"""After that the same is asked again."""


class Answer(StrEnum):
    """How a question stands."""

    OPEN = "open"
    GO = "go"
    NO_GO = "no-go"
    OVER = "over"  # nothing is held back any more, or a newer question stands for it


@dataclass(frozen=True, slots=True)
class Question:
    """To the channel of the reaper: the brake holds; may all of these go?

    An answer is for these environments, their causes and these reasons only. A Go ends a day after
    they are due, a No-go after a day.
    """

    id: str
    reasons: tuple[str, ...]  # sentences; outside text
    envs: tuple[Candidate, ...]  # all of them, the first one first
    asked_at: datetime
    answer: Answer = Answer.OPEN
    by: Actor | None = None
    at: datetime | None = None  # of the answer


@dataclass(frozen=True, slots=True)
class Alert:
    """To the channel of the reaper: something could not be read, so what that is about stays.

    `over_at`: since when all is well again; then the same message says so.
    """

    reasons: tuple[str, ...]  # sentences; outside text
    since: datetime
    over_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """To the channel of the reaper: somebody paused it; the same message tells of the end."""

    by: Actor
    since: datetime
    reason: str = ""  # outside text
    ended_by: Actor | None = None
    ended_at: datetime | None = None


Said = Warned | Reminder | Question | Alert | Stray | Unmade | Stopped


@dataclass(frozen=True, slots=True)
class Notice:
    """One message as it should be."""

    id: str  # finds it again at Slack, by its mark
    to: str  # a user (`U...`, a DM) or a channel
    says: Said
    version: int  # of what it says
    channel: str = ""  # where it stands; empty: nowhere yet
    ts: str = ""
    thread: str = ""  # the message (its `ts`, in `channel`) that it stands below
    trying_since: datetime | None = None  # a post was begun and its answer never written
    mark: str = ""  # of its message, since it was claimed: several warnings may share one


class Notices(Protocol):
    """What whoever writes to Slack needs. Every call may raise TransientError.

    `due` -> (`claim` -> post, or find what a crash left | update) -> `shown`.
    """

    async def due(self, limit: int = 50) -> Sequence[Notice]:
        """Those that do not stand there as they should, the oldest first.

        What stands below another message only comes when that one stands, with its `channel` and
        `thread`; what was refused comes again when it says something else. A warning that
        nobody saw and that is void does not.
        """

    async def claim(self, notice: Notice, mark: str) -> Notice | None:
        """Before it is posted (not before an edit): the claimed one; None: another was faster.

        `mark` is the id of the first notice in the message: one owner's warnings that are due
        together are one message, and each is claimed with the same mark.
        """

    async def together(self, mark: str) -> Sequence[Notice]:
        """All that were claimed with this mark, in the order in which they came about."""

    async def free(self, notice: Notice) -> None:
        """Slack has certainly not taken it."""

    async def shown(self, notice: Notice, channel: str, ts: str) -> None:
        """It stands there in this version. Only now the owner counts as warned."""

    async def refused(self, notice: Notice, why: str, *, elsewhere: bool) -> None:
        """Slack will not take it there, or (not `elsewhere`) nowhere. Nobody counts as warned.

        Elsewhere a warning goes where the card is, and if not there to the reaper's channel.
        """

    async def lost(self, notice: Notice) -> None:
        """Its message is gone: as far as it still counts it is posted anew."""


class Warnings(Protocol):
    """What owners were told, for other places that say so too."""

    async def open(self) -> Sequence[Warned]:
        """Of those that are about to go, the oldest warning first. Raises TransientError."""

    async def unanswered(self) -> Sequence[Question | Alert]:
        """What a human is asked or told and is not over, the oldest first. As above."""


class Answers(Protocol):
    """What people press; each change commits with its audit row. May raise TransientError.

    Extend is `Lifetimes.extend` (it also puts off the reaper), Delete now `Requests.delete`, both
    as they are. Whoever may press is decided before: keep and until merge as `extend`.
    """

    async def keep(self, env: EnvId, who: Actor, *, rule: str) -> Warned | None:
        """The cause that its owner was warned of does not count any more (not using it does).

        None: it goes or is gone already.
        """

    async def until_merge(self, env: EnvId, who: Actor, *, rule: str) -> Warned | None:
        """It stays until its branch is merged, closed or gone. None: as above."""

    async def answer(self, question: str, who: Actor, *, go: bool, rule: str) -> Question | None:
        """Go or No-go; the question as it stands now, whoever was first. None: no such one.

        The first answer counts, but a No-go can be made a Go until it is asked anew.
        """
