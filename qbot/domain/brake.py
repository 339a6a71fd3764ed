"""Whether the reaper may go on, or a human has to look first. Pure.

Neighbours that answer nonsense look like a company that has finished all of its work at once. So
many at a time, a large share, answers that shrank or did not come, and clocks that jumped stop it.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qbot.domain.branches import BranchFact
from qbot.domain.names import ProjectPath
from qbot.domain.people import Actor
from qbot.domain.reaping import Cause, Goes

SUDDEN = timedelta(hours=1)
"""What GitLab said to be over within this counts as one answer."""
_FEW = 3  # of so few no share says anything
_LEAP = timedelta(minutes=10)
_TOLD = frozenset({Cause.MERGED, Cause.CLOSED, Cause.GONE})  # by GitLab
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Brake:
    """How many may go at once."""

    count: int
    share: float  # of all that live; more than 0, at most 1


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody stopped the reaper."""

    by: Actor
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the brake looks at."""

    living: int
    goes: Sequence[Goes]
    branches: Collection[BranchFact] = ()  # of all living environments
    unread: Collection[str] = ()  # what GitLab did not answer lately
    leapt: timedelta = timedelta()  # how far the clock jumped of late
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Go:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is deleted; each reason is a sentence for people and holds outside text."""

    reasons: tuple[str, ...]


def decide(brake: Brake, outlook: Outlook, *, now: datetime) -> Go | Hold:
    """Whether what is due may go."""
    reasons = tuple(_reasons(brake, outlook, now))
    return Hold(reasons) if reasons else Go()


def _reasons(brake: Brake, outlook: Outlook, now: datetime) -> Iterator[str]:
    if outlook.pause:
        yield "The reaper is paused."
    if outlook.unread:
        named = ", ".join(sorted(outlook.unread)[:_NAMED])
        more = len(outlook.unread) - _NAMED
        also = f" and {more} more" if more > 0 else ""
        yield f"GitLab has not answered lately, or not whole: {named}{also}."
    if abs(outlook.leapt) >= _LEAP:
        minutes = round(abs(outlook.leapt).total_seconds() / 60)
        yield f"The clock of this machine jumped by {minutes} minutes."
    due = sum(goes.due(now) for goes in outlook.goes)
    told = sum(g.cause in _TOLD and abs(now - g.since) <= SUDDEN for g in outlook.goes)
    yield from _too_many(brake, due, outlook.living, "would go now")
    if told > due:
        yield from _too_many(brake, told, outlook.living, "are over at once, says GitLab")
    for project, (lost, known) in _shrunken(outlook.branches, now).items():
        if lost > _FEW and lost / known > brake.share:
            yield f"{project} lost {lost} of {known} branches within an hour."


def _too_many(brake: Brake, many: int, living: int, what: str) -> Iterator[str]:
    if many > brake.count:
        yield f"{many} of {living} {what}; more than {brake.count} are asked about first."
    elif many > _FEW and many > brake.share * living:
        share = round(brake.share * 100)
        yield f"{many} of {living} {what}; more than {share} % are asked about first."


def _shrunken(
    branches: Collection[BranchFact], now: datetime
) -> Mapping[ProjectPath, tuple[int, int]]:
    """How many branches each project lost lately, and of how many."""
    known = Counter(b.project for b in branches)
    lost = Counter(b.project for b in branches if b.gone_at and abs(now - b.gone_at) <= SUDDEN)
    return {project: (lost[project], known[project]) for project in sorted(lost)}


@dataclass(frozen=True, slots=True)
class Tick:
    """One look at both clocks of one process: the calendar's, and the one that only runs."""

    wall: datetime
    ran: float  # seconds


@dataclass(frozen=True, slots=True)
class Drift:
    """How the clocks went since they agreed, and when they were seen to differ."""

    base: Tick
    leapt: timedelta = timedelta()
    seen: float = 0.0

    def look(self, at: Tick) -> "Drift":
        """The same with one more look.

        A jump counts for as long as it was wide: what the clock took away is waited for.
        """
        leap = (at.wall - self.base.wall) - timedelta(seconds=at.ran - self.base.ran)
        if abs(leap) >= _LEAP:
            return Drift(at, self.leapt + leap, at.ran)
        if self.leapt and at.ran - self.seen >= abs(self.leapt).total_seconds():
            return Drift(at)
        return self
