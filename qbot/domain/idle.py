"""For how long nobody has used an environment, in time that counts. Pure.

A calendar says when people work; nights, weekends and holidays do not count against them. All
sums are made of real seconds between real moments, so that a change of the clocks in spring or
autumn neither adds an hour nor takes one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from qbot.domain.barriers import Weekday

_DAY = timedelta(days=1)
_FAR = 3_660  # days that are looked ahead; what comes later is as good as never


@dataclass(frozen=True, slots=True)
class Calendar:
    """When people work: on these days between two times of the wall clock of their zone."""

    zone: ZoneInfo
    days: frozenset[Weekday]
    start: time
    end: time  # the first moment that is free again; later than `start`
    holidays: frozenset[date] = field(default=frozenset())
    people: frozenset[str] = field(default=frozenset())  # Slack users; none: everybody else


def calendar_of(calendars: Sequence[Calendar], user: str) -> Calendar | None:
    """The one that names somebody, else the one for everybody; None: all time counts."""
    named = (c for c in calendars if user in c.people)
    others = (c for c in calendars if not c.people)
    return next(named, None) or next(others, None)


def idle_from(calendar: Calendar | None, since: datetime, after: timedelta) -> datetime | None:
    """The first moment by which `after` has counted since then; None: not in ten years."""
    since = since.astimezone(UTC)
    if calendar is None:
        return since + after
    left = after
    for start, end in _spans(calendar, since, since + _FAR * _DAY):
        if end - start >= left:
            return start + left
        left -= end - start
    return None


def opening(calendar: Calendar | None, moment: datetime) -> datetime | None:
    """That moment where somebody works then, else the next at which one does."""
    if calendar is None:
        return moment
    moment = moment.astimezone(UTC)
    spans = _spans(calendar, moment, moment + _FAR * _DAY)
    return next((start for start, _ in spans), None)


def _spans(
    calendar: Calendar, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Working hours between two moments, in UTC, earliest first."""
    day = since.astimezone(calendar.zone).date()
    last = until.astimezone(calendar.zone).date()
    while day <= last:
        if day.weekday() in calendar.days and day not in calendar.holidays:
            start = max(_moment(calendar, day, calendar.start), since)
            end = min(_moment(calendar, day, calendar.end), until)
            if start < end:
                yield start, end
        day += _DAY


def _moment(calendar: Calendar, day: date, at: time) -> datetime:
    return datetime.combine(day, at, calendar.zone).astimezone(UTC)
