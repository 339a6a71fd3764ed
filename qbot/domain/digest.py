"""Digests: which channel is told of what and when, and what there is to tell. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Protocol
from zoneinfo import ZoneInfo

from qbot.domain.barriers import Freeze, Hold
from qbot.domain.environment import Phase
from qbot.domain.lifetime import STAYING
from qbot.domain.names import ServiceName, StageName
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.outages import Away
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.domain.reaper_ports import Alert, Answer, Question
from qbot.domain.release import StageProgress
from qbot.domain.trend import Past, Trend

LATE = timedelta(hours=12)
"""How late a digest may still be posted: Qbot or Slack was away."""
SOON = timedelta(days=1)
"""How long before its end an environment is told of."""
WEEK = timedelta(days=7)
OWNERS = 6  # that are named
LINES = 5  # of each part
_BROKEN = frozenset({Phase.FAILED, Phase.STUCK, Phase.PARTIAL})


class Section(StrEnum):
    """A part of a digest."""

    ENVIRONMENTS = "environments"  # by state and owner
    APPROVALS = "approvals"  # promotions that wait for one
    FAILING = "failing"
    ENDING = "ending"
    BARRIERS = "barriers"  # holds and freezes
    DRIFTED = "drifted"  # stages that do not run what is written
    DEPLOYMENTS = "deployments"  # since the last digest
    SPEED = "speed"  # time to ready, against the week before


@dataclass(frozen=True, slots=True)
class DigestPlan:
    """What qbot.yaml says of one channel, or a person of their own digest."""

    channel: str  # or the person's id
    cron: str
    zone: ZoneInfo
    sections: frozenset[Section] = frozenset(Section)
    chart: bool = False
    since: datetime | None = None  # ticks before it do not count
    daily: bool = False  # one on each day of the zone at most, whatever becomes of line and zone


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart that Slack has: nobody sees it before a message shows it."""

    file: str  # Slack's id
    trend: Trend


@dataclass(frozen=True, slots=True)
class DueDigest:
    """One channel's digest of one tick; both together are its key, so it is posted once."""

    channel: str
    tick: datetime
    since: datetime  # the tick that was told of last
    trying_since: datetime | None = None  # a post was begun and its answer never written

    @property
    def mark(self) -> str:
        """By what its message is found again."""
        return f"digest:{self.tick:%Y%m%dT%H%MZ}"


class Outcome(StrEnum):
    """What became of one."""

    POSTED = "posted"
    QUIET = "quiet"  # there was nothing to say
    REFUSED = "refused"  # Slack does not take it there
    UNSURE = "unsure"  # it may have been posted, and Qbot may not look
    SKIPPED = "skipped"  # a newer one came before it could be posted

    @property
    def told(self) -> bool:
        """Whether whoever reads the next one knows what happened until then."""
        return self in (Outcome.POSTED, Outcome.QUIET, Outcome.UNSURE)


@dataclass(frozen=True, slots=True)
class Done:
    """What ended well in a stretch of time."""

    kinds: Mapping[Kind, int] = field(default_factory=dict)  # operations on environments


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds from the command to ready, of each environment that was created."""

    week: Sequence[float] = ()
    before: Sequence[float] = ()  # the week before that

    @property
    def now(self) -> float | None:
        """The median; None: there were none."""
        return median(self.week) if self.week else None

    @property
    def then(self) -> float | None:
        """Likewise of the week before."""
        return median(self.before) if self.before else None


class DigestRows(Protocol):
    """Every call may raise TransientError."""

    async def begin(self, plan: DigestPlan, tick: datetime, *, fresh: bool) -> None:
        """Write down that it is due; a second time does nothing, nor on the day of a daily one.

        A tick that is not `fresh`, from before this process began, is only caught up with for a
        channel that had one before.
        """

    async def due(self, since: datetime) -> Sequence[DueDigest]:
        """Those of ticks since then that have not ended, the oldest first."""

    async def claim(self, due: DueDigest) -> DueDigest | None:
        """Written before it is posted: the claimed one; None: somebody else was faster."""

    async def free(self, due: DueDigest) -> None:
        """Slack has certainly not taken it; nothing where somebody else has claimed it since."""

    async def end(self, due: DueDigest, outcome: Outcome, ts: str = "") -> None:
        """What became of it, with its audit row; `ts` of the message.

        Older ones that nobody has begun are skipped. Where it was told, or nothing was to tell,
        the one after it begins there.
        """

    async def done(self, since: datetime, until: datetime) -> Done:
        """What ended well then."""

    async def speed(self, now: datetime) -> Speed:
        """Of the last two weeks."""

    async def past(self, since: datetime) -> Past:
        """All that lived or was deployed since then."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A stage that the calendar closes now."""

    stages: Sequence[StageName]
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Drifted:
    """A stage where something else runs than what is written, or where that is not known."""

    stage: StageName
    services: Sequence[tuple[ServiceName, str]] = ()  # and how; none: it is not known
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """The same for every channel."""

    at: datetime
    rows: Sequence[EnvironmentSummary]
    known: bool = True  # whether Argo CD has said how they are now
    away: Sequence[Away] = ()  # neighbours that do not answer
    waiting: Sequence[StageProgress] = ()  # for a yes, the oldest first
    holds: Sequence[Hold] = ()
    freezes: Sequence[Freeze] = ()
    closed: Sequence[Closed] = ()
    drifted: Sequence[Drifted] = ()
    speed: Speed = Speed()
    names: Mapping[Actor, str] = field(default_factory=dict)
    unanswered: Sequence[Question | Alert] = ()  # of the reaper

    @property
    def questions(self) -> Sequence[Question]:
        """What may go only if somebody says so."""
        asked = (a for a in self.unanswered if isinstance(a, Question))
        return [a for a in asked if a.answer is Answer.OPEN]

    @property
    def alerts(self) -> Sequence[Alert]:
        """What the reaper cannot read."""
        told = (a for a in self.unanswered if isinstance(a, Alert))
        return [a for a in told if a.over_at is None]

    @property
    def failing(self) -> Sequence[EnvironmentSummary]:
        """Broken, and nothing is under way that could mend it."""
        return [
            r
            for r in self.rows
            if r.operation is None and (r.environment.phase in _BROKEN or r.needs_attention)
        ]

    @property
    def ending(self) -> Sequence[EnvironmentSummary]:
        """What goes soon or should have gone already, the first one first."""
        found = [(end, r) for r in self.rows if (end := _ends(r, self.at)) is not None]
        return [r for _, r in sorted(found, key=lambda pair: pair[0])]

    @property
    def owners(self) -> Sequence[tuple[Actor, int]]:
        """How many each has, the most first."""
        counts = Counter(r.environment.owner for r in self.rows)
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].key))

    def people(self) -> Collection[Actor]:
        """Whose names are needed."""
        shown = [*self.failing[:LINES], *self.ending[:LINES]]
        return {
            *(owner for owner, _ in self.owners[:OWNERS]),
            *(r.environment.owner for r in shown),
            *(p.actor for p in self.waiting[:LINES]),
            *(h.by for h in self.holds[:LINES]),
            *(f.by for f in self.freezes[:LINES]),
        }


@dataclass(frozen=True, slots=True)
class Digest:
    """One channel's."""

    facts: Facts
    since: datetime
    sections: frozenset[Section]
    deployments: Sequence[StageProgress] = ()  # all merged, however they ended; the newest first
    done: Done = Done()
    picture: Picture | None = None

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to say: nothing happened and nothing is due."""
        facts = self.facts
        said = {
            Section.APPROVALS: bool(facts.waiting or facts.questions),
            Section.FAILING: bool(facts.failing or facts.alerts),
            Section.ENDING: bool(facts.ending),
            Section.BARRIERS: bool(facts.holds or facts.freezes or facts.closed),
            Section.DRIFTED: any(d.services for d in facts.drifted),
            Section.DEPLOYMENTS: bool(self.deployments or self.done.kinds),
        }
        return not any(news for section, news in said.items() if section in self.sections)


def _ends(row: EnvironmentSummary, now: datetime) -> datetime | None:
    env = row.environment
    if row.operation is not None or env.phase not in STAYING or env.pinned_at(now):
        return None
    at = [row.goes.at] if row.goes else []
    at += [env.ends_at] if env.ends_at else []
    return min(at) if at and min(at) - now <= SOON else None
