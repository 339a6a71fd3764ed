"""Reasons not to deploy: freezes, locks and holds. Pure: time is passed in.

Judged when something is asked for, when it is approved and right before it is done.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import IntEnum
from zoneinfo import ZoneInfo

from qbot.domain.names import PromotionId, ServiceName, StageName
from qbot.domain.people import Actor


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
    """From one wall-clock moment of the week to another, in the window's own time zone."""

    from_day: Weekday
    from_time: time
    to_day: Weekday
    to_time: time


@dataclass(frozen=True, slots=True)
class Once:
    """Between two moments, aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """A freeze by the calendar of qbot.yaml."""

    name: str
    stages: tuple[StageName, ...]
    when: Weekly | Once
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze that somebody declared."""

    stage: StageName
    by: Actor
    reason: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """One person keeps a stage or an environment to themselves. `scope` is its lock key."""

    scope: str
    by: Actor
    reason: str
    since: datetime
    until: datetime | None = None


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
    """Something in the way. `rule` is for the audit log."""

    rule: str  # freeze, lock, hold
    reason: str  # a sentence for people; holds outside text
    until: datetime | None = None
    by: Actor | None = None
    exempt: bool = False  # whether an exempt role may pass it, with a reason


def frozen_until(window: Window, now: datetime) -> datetime | None:
    """When the window that holds at `now` ends; None: it does not hold. Right over DST changes."""
    raise NotImplementedError


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
    raise NotImplementedError
