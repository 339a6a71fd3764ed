"""Reasons not to deploy: freezes, locks and holds. Pure: time is passed in.

Judged when something is asked for, when it is approved and right before it is done.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import IntEnum
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from qbot.domain.names import PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import promotion_name
from qbot.domain.stages import scope_of
from qbot.errors import UserError

P_co = TypeVar("P_co", bound=str, covariant=True)
_WEEK = timedelta(days=7)
_NAMED = 6  # services in one sentence
_FEW = 3  # services that the command to release them names
_SECOND = timedelta(seconds=1)


class Weekday(IntEnum):
    """As `datetime.weekday` counts."""

    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6


@dataclass(frozen=True, slots=True)
class Weekly:
    """From one wall-clock moment of the week to another, in the window's own time zone.

    Raises:
        ValueError: they are the same moment, which could mean never or always.
    """

    from_day: Weekday
    from_time: time
    to_day: Weekday
    to_time: time

    def __post_init__(self) -> None:
        if (self.from_day, self.from_time) == (self.to_day, self.to_time):
            raise ValueError("begins and ends at the same moment of the week")


@dataclass(frozen=True, slots=True)
class Once:
    """Between two moments, aware.

    Raises:
        ValueError: the end is not after the start, or one of them has no time zone.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            raise ValueError("needs a time zone")
        if self.end <= self.start:
            raise ValueError("ends before it begins")


@dataclass(frozen=True, slots=True)
class Window:
    """A freeze by the calendar of qbot.yaml."""

    name: str
    stages: tuple[StageName, ...]
    when: Weekly | Once
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Declared(Generic[P_co]):
    """What somebody put in the way of a place."""

    place: P_co
    by: Actor
    reason: str
    since: datetime
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it has begun and is not over."""
        return self.since <= now and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Freeze(Declared[StageName]):
    """Nothing comes to a stage."""

    @property
    def stage(self) -> StageName:
        """Which is frozen."""
        return self.place


@dataclass(frozen=True, slots=True)
class Lock(Declared[str]):
    """One person keeps a stage or an environment to themselves."""

    @property
    def scope(self) -> str:
        """The lock key of what is theirs."""
        return self.place


@dataclass(frozen=True, slots=True)
class Hold:
    """A service that was rolled back stays where it is until it is released."""

    stage: StageName
    service: ServiceName
    by: Actor
    since: datetime
    promotion: PromotionId  # the rollback
    version: str  # what it is held at


@dataclass(frozen=True, slots=True)
class Barrier:
    """Something in the way. `rule` is for the audit log.

    Who did it and until when stand beside the sentence: they are shown in the reader's own way.
    """

    rule: str  # freeze, lock, hold
    reason: str  # a sentence for people; holds outside text
    until: datetime | None = None
    by: Actor | None = None
    exempt: bool = False  # whether an exempt role may pass it, with a reason
    since: datetime | None = None  # when it began
    scope: str = ""  # of a lock: what people can ask to be told about
    services: tuple[ServiceName, ...] = ()  # of a hold: which it is about

    def passed(self, asked_at: datetime) -> bool:
        """Whether an exemption that was asked for then is for this: it stood already."""
        return self.exempt and self.since is not None and self.since <= asked_at


class BarredError(UserError):
    """Something is in the way; until when is told by whoever shows `barriers`.

    `noted`: the audit log has it already.
    """

    def __init__(self, barriers: Sequence[Barrier], *, hint: str = "", noted: bool = False) -> None:
        super().__init__(" ".join(barrier.reason for barrier in barriers), hint=hint)
        self.barriers = tuple(barriers)
        self.noted = noted


def span_of(window: Window, now: datetime) -> tuple[datetime, datetime] | None:
    """From when until when the window holds that does at `now`. Right over DST changes.

    Where the clock is put back over an edge, the window begins at the first and ends at the
    second of both; where it is put forward over an edge, at the leap.
    """
    since, until = None, now.astimezone(UTC)
    for start, end in _occurrences(window, now):
        if start <= until < end:
            since = since or start
            until = end  # a next one may begin before this one ends
    return (since, until) if since else None


def _occurrences(window: Window, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Those near `now`, in their order."""
    when = window.when
    if isinstance(when, Once):
        yield when.start.astimezone(UTC), when.end.astimezone(UTC)
        return
    today = now.astimezone(window.zone).date()
    monday = today - timedelta(days=today.weekday())
    length = (when.to_day - when.from_day) % 7
    for weeks in range(-2, 3):
        day = monday + weeks * _WEEK + timedelta(days=when.from_day)
        start = datetime.combine(day, when.from_time)
        end = datetime.combine(day + timedelta(days=length), when.to_time)
        end += _WEEK if end < start else timedelta(0)
        yield _instant(start, window.zone, fold=0), _instant(end, window.zone, fold=1)


def _instant(wall: datetime, zone: ZoneInfo, *, fold: int) -> datetime:
    """When the clocks of the zone show `wall`; where they leap over it, the leap.

    `fold` picks the first (0) or second (1) where they show it twice.
    """
    found = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)


def barriers(
    stage: StageName,
    services: Collection[ServiceName],
    actor: Actor,
    *,
    now: datetime,
    windows: Sequence[Window],
    freezes: Sequence[Freeze],
    locks: Sequence[Lock],
    holds: Sequence[Hold],
    back: bool = False,
) -> tuple[Barrier, ...]:
    """Everything in the way of deploying these services to the stage.

    One's own lock is no barrier. With `back` (a rollback) holds are none either.
    """
    return (
        *_calendar(stage, windows, now),
        *(
            Barrier(
                rule="freeze",
                reason=_because(f"`{stage}` is frozen", f.reason),
                until=f.until,
                by=f.by,
                exempt=True,
                since=f.since,
            )
            for f in freezes
            if f.stage == stage and f.holds(now)
        ),
        *(
            _locked(stage, lock)
            for lock in locks
            if lock.scope == scope_of(stage) and lock.by != actor and lock.holds(now)
        ),
        *(() if back else _held([h for h in holds if h.stage == stage and h.service in services])),
    )


def _locked(stage: StageName, lock: Lock) -> Barrier:
    return Barrier(
        rule="lock",
        reason=_because(f"`{stage}` is locked", lock.reason),
        until=lock.until,
        by=lock.by,
        since=lock.since,
        scope=lock.scope,
    )


def _calendar(stage: StageName, windows: Sequence[Window], now: datetime) -> Iterator[Barrier]:
    for window in windows:
        if stage in window.stages and (span := span_of(window, now)):
            said = f"`{stage}` is frozen by the calendar: `{window.name}`."
            yield Barrier("freeze", said, span[1], exempt=True, since=span[0])


def _because(what: str, reason: str) -> str:
    """One sentence with the reason that a person gave, if one was given."""
    given = reason.strip().rstrip(".")
    return f"{what}: {given}." if given else f"{what}."


def _held(holds: Sequence[Hold]) -> Iterator[Barrier]:
    """One barrier for all that one rollback holds."""
    for number in dict.fromkeys(hold.promotion for hold in holds):
        held = [hold for hold in holds if hold.promotion == number]
        stage, names = held[0].stage, [f"`{hold.service}`" for hold in held[:_NAMED]]
        more = [f"{len(held) - _NAMED} more"] if len(held) > _NAMED else []
        *others, last = names + more
        named = f"{', '.join(others)} and {last} are" if others else f"{last} is"
        which = " ".join([stage, *(h.service for h in held)]) if len(held) <= _FEW else stage
        said = f"{named} held on `{stage}` since the rollback {promotion_name(number)}; "
        free = f"`release {which}` lets {'them' if others else 'it'} go."
        services = tuple(hold.service for hold in held)
        yield Barrier("hold", said + free, by=held[0].by, services=services)
