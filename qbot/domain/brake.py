"""Whether the reaper may go on, or a human has to look first. Pure.

Neighbours that answer nonsense look like a company that has finished all of its work at once. So
many at a time, a large share, answers that shrank or did not come, and clocks that jumped stop it.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from qbot.domain.branches import BranchFact
from qbot.domain.names import BranchName, EnvId, ProjectPath
from qbot.domain.people import Actor
from qbot.domain.reading import Doubt, sentences
from qbot.domain.reaping import Cause, Goes

SUDDEN = timedelta(hours=1)
"""What GitLab said to be over within this counts as one answer."""
_FEW = 3  # of so few no share says anything
_LEAP = timedelta(minutes=10)
_TOLD = frozenset({Cause.MERGED, Cause.CLOSED, Cause.GONE})  # by GitLab


@dataclass(frozen=True, slots=True)
class Brake:
    """How many may go at once, and within a day."""

    count: int
    share: float  # of all that live; more than 0, at most 1
    daily_count: int = 30
    daily_share: float = 0.6


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody stopped the reaper."""

    by: Actor
    since: datetime
    reason: str


class Check(StrEnum):
    """What the brake looks at. `:project` follows what is about one."""

    PAUSED = "paused"
    UNREAD = "unread"
    LEAPT = "leapt"
    MANY = "many"
    DAILY = "daily"
    TOLD = "told"
    SHRUNK = "shrunk"


_FIRM = frozenset({Check.PAUSED, Check.UNREAD, Check.LEAPT})


@dataclass(frozen=True, slots=True)
class Grant:
    """A human said Go to one environment, whatever these checks say. Nothing else is meant."""

    env: EnvId
    branch: BranchName
    checks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the brake looks at."""

    living: int
    goes: Sequence[Goes]
    branches: Collection[BranchFact] = ()  # of all living environments
    projects: int = 0  # that have branches of them
    unread: Mapping[ProjectPath, Doubt] = field(default_factory=dict)  # those not read lately
    leapt: timedelta = timedelta()  # how far the clock jumped of late
    pause: Pause | None = None
    deleted: int = 0  # by itself and without a human's Go, in the last day
    grants: Sequence[Grant] = ()


@dataclass(frozen=True, slots=True)
class Go:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is deleted but what a human said Go to.

    Each reason is a sentence for people and holds outside text; each check says what it is about.
    """

    reasons: tuple[str, ...]
    checks: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def askable(self) -> bool:
        """Whether a human may say Go: a pause is lifted, and what is not known nobody knows."""
        return bool(self.checks) and not self.checks & _FIRM

    @property
    def doubts(self) -> bool:
        """Whether what is known may be wrong: then nobody is warned either."""
        return not self.checks <= {Check.MANY, Check.DAILY}

    def spares(self, grant: Grant) -> bool:
        """Whether a human's Go is about all that holds it back."""
        return self.askable and self.checks <= grant.checks


def decide(brake: Brake, outlook: Outlook, *, now: datetime) -> Go | Hold:
    """Whether what is due may go."""
    found = list(_reasons(brake, outlook, now))
    if not found:
        return Go()
    return Hold(tuple(said for _, said in found), frozenset(check for check, _ in found))


def _reasons(brake: Brake, outlook: Outlook, now: datetime) -> Iterator[tuple[str, str]]:
    if outlook.pause:
        yield Check.PAUSED, "The reaper is paused."
    if _unread(brake, outlook):
        for said in sentences(outlook.unread):
            yield Check.UNREAD, said
    if abs(outlook.leapt) >= _LEAP:
        minutes = round(abs(outlook.leapt).total_seconds() / 60)
        yield Check.LEAPT, f"The clock of this machine jumped by {minutes} minutes."
    yield from _counts(brake, outlook, now)
    for project, (lost, known) in _shrunken(outlook, now).items():
        if lost > _FEW and lost / known > brake.share:
            yield shrunk(project), f"{project} lost {lost} of {known} branches within an hour."


def _unread(brake: Brake, outlook: Outlook) -> bool:
    """Whether so much was not read that nothing is believed; else its own environments stay."""
    unread, known = len(outlook.unread), outlook.projects
    return bool(unread) and (unread >= known or (unread > _FEW and unread > brake.share * known))


def _counts(brake: Brake, outlook: Outlook, now: datetime) -> Iterator[tuple[str, str]]:
    living = outlook.living
    due = sum(goes.due(now) for goes in _unasked(outlook, Check.MANY))
    told = sum(_is_sudden(goes, now) for goes in _unasked(outlook, Check.TOLD))
    for said in _too_many(brake.count, brake.share, due, living, "would go now"):
        yield Check.MANY, said
    if told > due:
        for said in _too_many(
            brake.count, brake.share, told, living, "are over at once, says GitLab"
        ):
            yield Check.TOLD, said
    late = sum(goes.due(now) for goes in _unasked(outlook, Check.DAILY))
    if outlook.deleted and late:
        daily, there = outlook.deleted + late, living + outlook.deleted
        what = "would have gone within a day"
        for said in _too_many(brake.daily_count, brake.daily_share, daily, there, what):
            yield Check.DAILY, said


def shrunk(project: ProjectPath) -> str:
    """The check of one project's branches."""
    return f"{Check.SHRUNK}:{project}"


def suspects(outlook: Outlook, *, now: datetime) -> list[Goes]:
    """Those that a human is asked about: due, or said to be over lately, and not asked yet."""
    asked = {grant.env for grant in outlook.grants}
    return [
        goes
        for goes in outlook.goes
        if goes.env not in asked and (goes.due(now) or _is_sudden(goes, now))
    ]


def _unasked(outlook: Outlook, check: Check) -> list[Goes]:
    """Those that no human let go whatever this check says."""
    granted = {grant.env for grant in outlook.grants if check in grant.checks}
    return [goes for goes in outlook.goes if goes.env not in granted]


def _is_sudden(goes: Goes, now: datetime) -> bool:
    return goes.cause in _TOLD and abs(now - goes.since) <= SUDDEN


def _too_many(count: int, share: float, many: int, living: int, what: str) -> Iterator[str]:
    if many > count:
        yield f"{many} of {living} {what}; more than {count} are asked about first."
    elif many > _FEW and many > share * living:
        percent = round(share * 100)
        yield f"{many} of {living} {what}; more than {percent} % are asked about first."


def _shrunken(outlook: Outlook, now: datetime) -> Mapping[ProjectPath, tuple[int, int]]:
    """How many branches each project lost lately, and of how many."""
    granted = {(shrunk_, g.branch) for g in outlook.grants for shrunk_ in g.checks}
    known = Counter(b.project for b in outlook.branches)
    lost = Counter(
        b.project
        for b in outlook.branches
        if b.gone_at and abs(now - b.gone_at) <= SUDDEN
        if (shrunk(b.project), b.branch) not in granted
    )
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
