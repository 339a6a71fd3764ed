"""How much time counts, as an oracle: counted another way than the code does."""

from datetime import UTC, date, datetime, timedelta

from qbot.domain.idle import Calendar

DAY = timedelta(days=1)


def worked(calendar: Calendar | None, since: datetime, until: datetime) -> timedelta:
    """How much of the time between two moments counts: each day's overlap with its hours."""
    if calendar is None or until <= since:
        return max(until - since, timedelta())
    first = since.astimezone(calendar.zone).date()
    dates = (first + n * DAY for n in range((until - since).days + 3))
    return sum((_overlap(calendar, day, since, until) for day in dates), timedelta())


def _overlap(calendar: Calendar, day: date, since: datetime, until: datetime) -> timedelta:
    if day.weekday() not in calendar.days or day in calendar.holidays:
        return timedelta()
    begin, end = (
        datetime.combine(day, at, calendar.zone).astimezone(UTC)
        for at in (calendar.start, calendar.end)
    )
    return max(min(end, until.astimezone(UTC)) - max(begin, since.astimezone(UTC)), timedelta())
