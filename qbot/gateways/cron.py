"""When a line in cron's form says so; APScheduler reads it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

_FIELDS = 5
_INSTANT = timedelta(microseconds=1)


def cron(line: str, zone: ZoneInfo) -> Callable[[datetime], datetime | None]:
    """What answers the first moment after another one, in UTC; None: there is none any more.

    Raises:
        ValueError: that is no line of five fields.
    """
    fields = line.split()
    if len(fields) != _FIELDS:
        raise ValueError("must have five fields, such as `0 9 * * mon-fri`")
    if any(letter.isdigit() for letter in fields[-1]):  # APScheduler's 0 is Monday, cron's Sunday
        raise ValueError("must name days of the week, such as `mon-fri`")
    if fields[2] != "*" and fields[-1] != "*":  # APScheduler wants both, cron one of them
        raise ValueError("must leave the day or the days of the week at `*`")
    try:
        trigger = CronTrigger.from_crontab(line, timezone=zone)
    except (ValueError, TypeError):
        raise ValueError("is not in cron's form, such as `0 9 * * mon-fri`") from None

    def after(moment: datetime) -> datetime | None:
        found = trigger.get_next_fire_time(None, moment + _INSTANT)
        while found is not None and found.astimezone(zone).fold:
            # An hour that comes twice counts once.
            found = trigger.get_next_fire_time(None, found.astimezone(UTC) + _INSTANT)
        return found.astimezone(UTC) if found is not None else None

    return after
