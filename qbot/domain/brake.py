"""Whether the reaper may go on, or a human has to look first. Pure.

Neighbours that answer nonsense look like a company that has finished all of its work at once. So
many at a time, a large share, answers that shrank or did not come, and clocks that jumped stop it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from qbot.domain.branches import BranchFact
from qbot.domain.leaps import LEAP
from qbot.domain.names import BranchName, EnvId, ProjectPath
from qbot.domain.people import Actor
from qbot.domain.reading import Doubt, sentences
from qbot.domain.reaping import Cause, Goes

SUDDEN = timedelta(hours=1)
"""What GitLab said to be over within this counts as one answer, however long ago that was."""
_FEW = 3  # of so few no share says anything
TOLD = frozenset({Cause.MERGED, Cause.CLOSED, Cause.GONE})
"""What GitLab says of a branch."""


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
    cause: Cause
    since: datetime  # when that came about
    at: datetime  # of the Go

    def means(self, goes: Goes, used: datetime) -> bool:
        """Whether it is about this: it goes for the same cause, and nobody used it since the Go."""
        return self.is_of(goes) and used <= self.at

    def is_of(self, goes: Goes) -> bool:
        """Whether it was about this, whoever used it since."""
        return (goes.cause, goes.since) == (self.cause, self.since)


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
    beside: Sequence[Goes] = ()  # over as well, says GitLab, but something else decides of them
    unbelieved: Collection[EnvId] = ()  # were part of too many at once


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
    if abs(outlook.leapt) >= LEAP:
        minutes = round(abs(outlook.leapt).total_seconds() / 60)
        yield Check.LEAPT, f"The clock of this machine jumped by {minutes} minutes."
    yield from _counts(brake, outlook, now)
    for project, (lost, known) in _shrunken(brake, outlook, now).items():
        if _is_share(brake, known, lost):
            yield shrunk(project), f"{project} lost {lost} of {known} branches within an hour."


def _unread(brake: Brake, outlook: Outlook) -> bool:
    """Whether so much was not read that nothing is believed; else its own environments stay."""
    unread, known = len(outlook.unread), outlook.projects
    return bool(unread) and (unread >= known or (unread > _FEW and unread > brake.share * known))


def _counts(brake: Brake, outlook: Outlook, now: datetime) -> Iterator[tuple[str, str]]:
    living = outlook.living
    due = sum(goes.due(now) for goes in _unasked(outlook, Check.MANY))
    told = len(_in_question(_told_at_once(brake, outlook), outlook))
    for said in _too_many(brake.count, brake.share, due, living, "would go now"):
        yield Check.MANY, said
    at_once = "are over at once, says GitLab"
    for said in _too_many(brake.count, brake.share, told, living, at_once):
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


def suspects(
    brake: Brake, outlook: Outlook, verdict: Go | Hold, *, now: datetime
) -> Sequence[Goes]:
    """Those that a human is asked about, but for those whose Go is about all that holds them."""
    doubtful = doubted(outlook)
    if isinstance(verdict, Go):
        return doubtful
    let = {grant.env for grant in outlook.grants if verdict.spares(grant)}
    at_once = crowded(brake, outlook) | {goes.env for goes in doubtful}
    return [
        goes
        for goes in outlook.goes
        if goes.env not in let
        if goes.due(now) or _is_sudden(goes, now) or (goes.cause in TOLD and goes.env in at_once)
    ]


def crowded(brake: Brake, outlook: Outlook) -> frozenset[EnvId]:
    """All that are part of too many at once, whatever keeps them, but for whom a human let go."""
    crowds = [_told_at_once(brake, outlook), *_lost_at_once(brake, outlook).values()]
    return frozenset(goes.env for crowd in crowds for goes in crowd)


def doubted(outlook: Outlook) -> list[Goes]:
    """Those that were part of too many at once, so that GitLab may be wrong, and have no Go.

    They stay, however few are left of them.
    """
    return [
        goes
        for goes in _unasked(outlook, Check.TOLD)
        if goes.cause in TOLD and goes.env in outlook.unbelieved
    ]


def _unasked(outlook: Outlook, check: Check) -> list[Goes]:
    """Those that no human let go whatever this check says."""
    granted = {grant.env for grant in outlook.grants if check in grant.checks}
    return [goes for goes in outlook.goes if goes.env not in granted]


def _over(outlook: Outlook) -> list[Goes]:
    """All that GitLab says to be over."""
    return [*(goes for goes in outlook.goes if goes.cause in TOLD), *outlook.beside]


def _in_question(crowd: Sequence[Goes], outlook: Outlook) -> Sequence[Goes]:
    """All of them, if any would go for that: who only has others beside it asks nobody."""
    going = {goes.env for goes in outlook.goes if goes.cause in TOLD}
    return crowd if any(goes.env in going for goes in crowd) else ()


def _is_sudden(goes: Goes, now: datetime) -> bool:
    return goes.cause in TOLD and abs(now - goes.since) <= SUDDEN


def _told_at_once(brake: Brake, outlook: Outlook) -> Sequence[Goes]:
    """What GitLab said to be over within an hour, if that is too many; until a human says Go."""
    granted = {grant.env for grant in outlook.grants if Check.TOLD in grant.checks}
    told = [goes for goes in _over(outlook) if goes.env not in granted]
    living = outlook.living
    return _crowd(told, lambda many: many > brake.count or _is_share(brake, living, many))


def _lost_at_once(brake: Brake, outlook: Outlook) -> Mapping[str, Sequence[Goes]]:
    """The same of the branches of each project, of which fewer are too many."""
    known = Counter[str](b.project for b in outlook.branches)
    lost: dict[str, list[Goes]] = defaultdict(list)
    granted = {(grant.env, check) for grant in outlook.grants for check in grant.checks}
    for goes in _over(outlook):
        for project in goes.proof if goes.cause is Cause.GONE else ():
            if (goes.env, shrunk(ProjectPath(project))) not in granted:
                lost[project].append(goes)
    return {
        project: _crowd(goes, partial(_is_share, brake, known[project]))
        for project, goes in lost.items()
    }


def _crowd(goes: Sequence[Goes], is_many: Callable[[int], bool]) -> Sequence[Goes]:
    """All that are part of many within an hour."""
    ordered, first, taken = sorted(goes, key=lambda one: one.since), 0, 0
    found: list[Goes] = []
    for last, one in enumerate(ordered):
        while one.since - ordered[first].since > SUDDEN:
            first += 1
        if is_many(last + 1 - first):
            found += ordered[max(first, taken) : last + 1]
            taken = last + 1
    return found


def _is_share(brake: Brake, of: int, many: int) -> bool:
    return many > _FEW and many > brake.share * of


def _too_many(count: int, share: float, many: int, living: int, what: str) -> Iterator[str]:
    if many > count:
        yield f"{many} of {living} {what}; more than {count} are asked about first."
    elif many > _FEW and many > share * living:
        percent = round(share * 100)
        yield f"{many} of {living} {what}; more than {percent} % are asked about first."


def _shrunken(
    brake: Brake, outlook: Outlook, now: datetime
) -> Mapping[ProjectPath, tuple[int, int]]:
    """How many branches each project lost lately or at once, and of how many."""
    granted = {(shrunk_, g.branch) for g in outlook.grants for shrunk_ in g.checks}
    known = Counter(b.project for b in outlook.branches)
    lost = Counter(
        b.project
        for b in outlook.branches
        if b.gone_at and abs(now - b.gone_at) <= SUDDEN
        if (shrunk(b.project), b.branch) not in granted
    )
    for project, goes in _lost_at_once(brake, outlook).items():
        many = len(_in_question(goes, outlook))
        lost[ProjectPath(project)] = max(lost[ProjectPath(project)], many)
    return {project: (lost[project], known[project]) for project in sorted(lost)}
