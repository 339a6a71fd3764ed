"""How many environments there were and what was deployed on each of the last days. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = 30


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when one environment lived; no end: it does."""

    begun: datetime
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deployments:
    """How many there were in one minute."""

    minute: datetime
    count: int
    stages: bool = False  # to a stage; otherwise to an environment


@dataclass(frozen=True, slots=True)
class Past:
    """What there is to count."""

    lives: Sequence[Life] = ()
    deployments: Sequence[Deployments] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure for each of `DAYS` days, the last of which is today, so far."""

    last: date
    environments: tuple[int, ...]  # at the fullest moment of the day
    to_environments: tuple[int, ...]
    to_stages: tuple[int, ...]

    @property
    def days(self) -> Sequence[date]:
        """The oldest first."""
        return [self.last - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]

    @property
    def deployments(self) -> Sequence[int]:
        """Of both kinds."""
        return [a + b for a, b in zip(self.to_environments, self.to_stages, strict=True)]

    @property
    def empty(self) -> bool:
        """Whether there was nothing at all."""
        return not any(self.environments) and not any(self.deployments)


def begins(now: datetime, zone: ZoneInfo) -> list[datetime]:
    """When each of the days begins by the clocks of that zone, in UTC: some have 23 or 25 hours."""
    today = now.astimezone(zone).date()
    days = (today - timedelta(days=DAYS - 1 - n) for n in range(DAYS))
    return [datetime.combine(day, time(), zone).astimezone(UTC) for day in days]


def trend(past: Past, now: datetime, zone: ZoneInfo) -> Trend:
    """Of the days until now; a day of which nothing is known has a zero."""
    starts = begins(now, zone)
    found = {stages: [0] * DAYS for stages in (False, True)}
    for one in past.deployments:
        if starts[0] <= one.minute <= now:
            found[one.stages][bisect_right(starts, one.minute) - 1] += one.count
    today = now.astimezone(zone).date()
    most = _most_at_once(past.lives, starts, now)
    return Trend(today, tuple(most), tuple(found[False]), tuple(found[True]))


def _most_at_once(lives: Iterable[Life], starts: Sequence[datetime], now: datetime) -> list[int]:
    """For each day; one that ends as another begins is not counted beside it."""
    changes = [(life.begun, 1) for life in lives if life.begun <= now]
    changes += [(life.ended, -1) for life in lives if life.ended and life.ended <= now]
    changes.sort()
    most, alive, at = [], 0, 0
    for begin, end in zip(starts, [*starts[1:], now + timedelta.resolution], strict=True):
        while at < len(changes) and changes[at][0] <= begin:
            alive += changes[at][1]
            at += 1
        peak = alive
        while at < len(changes) and changes[at][0] < end:
            alive += changes[at][1]
            peak = max(peak, alive)
            at += 1
        most.append(peak)
    return most
