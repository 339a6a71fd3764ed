"""Somebody's own digest: when it comes, and what is in it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qbot.domain.barriers import Freeze, Hold, Weekday
from qbot.domain.digest import DigestPlan
from qbot.domain.home import Home
from qbot.domain.idle import Calendar, calendar_of
from qbot.domain.people import Actor

_WEEK = tuple(day for day in Weekday if day not in (Weekday.SAT, Weekday.SUN))


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants theirs at this time of the clocks around them."""

    actor: Actor
    at: time
    zone: str  # as Slack names it; empty: it does not say
    since: datetime  # when that was said


class MorningRows(Protocol):
    """Every call may raise TransientError."""

    async def wish(self, actor: Actor) -> Wish | None:
        """One person's."""

    async def wishes(self) -> Sequence[Wish]:
        """Everybody's."""

    async def want(self, actor: Actor, at: time, zone: str) -> Wish:
        """From now on, in the place of an earlier wish."""

    async def moved(self, actor: Actor, zone: str) -> None:
        """The clocks around somebody are others now; the wish stays."""

    async def leave(self, actor: Actor) -> bool:
        """No more; whether there was a wish."""


def zone_of(wish: Wish, calendar: Calendar | None, otherwise: ZoneInfo) -> ZoneInfo:
    """Slack's, else that of the person's calendar, else this one."""
    try:
        return ZoneInfo(wish.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # empty, unknown, or no name at all
        return calendar.zone if calendar else otherwise


def plan_of(wish: Wish, calendar: Calendar | None, otherwise: ZoneInfo) -> DigestPlan:
    """On the days on which the person works."""
    days = sorted(calendar.days) if calendar else _WEEK
    names = ",".join(day.name.lower() for day in days)
    return DigestPlan(
        wish.actor.user,
        f"{wish.at.minute} {wish.at.hour} * * {names}",
        zone_of(wish, calendar, otherwise),
        since=wish.since,
        daily=True,
    )


def is_free(at: datetime, plan: DigestPlan, calendar: Calendar | None) -> bool:
    """Whether it is a holiday of the person."""
    return calendar is not None and at.astimezone(plan.zone).date() in calendar.holidays


@dataclass(frozen=True, slots=True)
class Mornings:
    """Who wants one, and by which clocks and calendars they live."""

    rows: MorningRows
    calendars: Sequence[Calendar]
    zone: ZoneInfo  # of whom neither Slack nor a calendar says one

    def calendar(self, user: str) -> Calendar | None:
        """When somebody works."""
        return calendar_of(self.calendars, user)

    def plan(self, wish: Wish) -> DigestPlan:
        """When theirs comes."""
        return plan_of(wish, self.calendar(wish.actor.user), self.zone)


@dataclass(frozen=True, slots=True)
class Morning:
    """What there is to tell one person."""

    home: Home
    holds: Sequence[Hold] = ()  # theirs, as the next
    freezes: Sequence[Freeze] = ()
