"""qbot.yaml: which environments go by themselves, and what keeps too many from going."""

import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from qbot.catalog.parts import Duration, Loc, Part, Zone, located
from qbot.catalog.rights import SlackUser
from qbot.catalog.stages import optional_channel
from qbot.domain.barriers import Weekday

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_AS_ABOVE = "As the same key of `reaper`, for these branches"
_HOURS = re.compile(r"(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})")


def _weekday(value: Any) -> Any:
    try:
        return Weekday[str(value).strip()[:3].upper()]
    except KeyError:
        raise ValueError("must be a day of the week, such as Mon") from None


def _hours(value: Any) -> Any:
    found = _HOURS.fullmatch(str(value).strip())
    try:
        start, end = (time.fromisoformat(t.zfill(5)) for t in found.groups()) if found else ("", "")
    except ValueError:
        start, end = "", ""
    if not isinstance(start, time) or not isinstance(end, time) or start >= end:
        raise ValueError("must be like 09:00-17:30, on one day")
    return start, end


def _until(value: Any) -> Any:
    return None if value == "never" else value


def _at_once(value: Any) -> Any:
    return timedelta() if value in ("at-once", "0", 0) and value is not False else _until(value)


Days = Annotated[Weekday, BeforeValidator(_weekday)]
Hours = Annotated[tuple[time, time], BeforeValidator(_hours)]
Until = Annotated[Duration | None, BeforeValidator(_until)]
OrAtOnce = Annotated[Duration | None, BeforeValidator(_at_once)]


class CalendarPart(Part):
    """When people work."""

    people: tuple[SlackUser, ...] = Field((), description="Of these; of everybody else if empty")
    zone: Zone | None = Field(None, description="Time zone; `zone` of the file if empty")
    days: tuple[Days, ...] = Field(
        (), description="Days of the week on which they do; Mon to Fri if empty"
    )
    hours: Hours = Field("08:00-18:00", validate_default=True, description="From when to when")
    holidays: tuple[date, ...] = Field((), description="Days on which they do not")


class ReapRulePart(Part):
    """How long branches of one pattern are kept; what is left out is as below `reaper`."""

    branches: str = Field(
        min_length=1, description="Pattern of branch names; * stands for any characters"
    )
    idle_after: Until = Field(None, description=_AS_ABOVE)
    max_age: Until = Field(None, description=_AS_ABOVE)
    grace: Duration | None = Field(None, description=_AS_ABOVE)
    merged: OrAtOnce = Field(None, description=_AS_ABOVE)
    closed: Until = Field(None, description=_AS_ABOVE)
    gone: Until = Field(None, description=_AS_ABOVE)


class BrakePart(Part):
    """More at a time than this, and a human is asked first."""

    count: int = Field(10, ge=1, description="Environments that may go at once")
    share: float = Field(0.3, gt=0, le=1, description="The same, of all that there are")
    daily_count: int = Field(30, ge=1, description="Environments that may go within a day")
    daily_share: float = Field(0.6, gt=0, le=1, description="The same, of all that there were")


class ReaperPart(Part):
    """Which environments go by themselves; never pinned, locked or young ones."""

    idle_after: Until = Field(
        2 * _DAY,
        description="Nobody has used it for so long, in working time where there are "
        "`calendars` (16h: two days of eight hours); `never` if not at all, here and below",
    )
    max_age: Until = Field(None, description="It is older than this")
    grace: Duration = Field(
        _DAY, description="How long it stays then, and after its lifetime or its last use"
    )
    merged: OrAtOnce = Field(
        4 * _HOUR,
        description="How long it stays when all of its branch is merged; `at-once`: it goes "
        "as soon as its owner is told",
    )
    targets: tuple[str, ...] = Field(
        (),
        description="Patterns of branches that a merge counts into, besides the services' "
        "`default_branch`",
    )
    closed: Until = Field(_DAY, description="When its merge requests were closed without that")
    gone: Until = Field(_DAY, description="When no project has its branch any more")
    young: Duration = Field(4 * _HOUR, description="How long a new one is left alone")
    exclude: tuple[str, ...] = Field((), description="Patterns of branches that never go")
    rules: tuple[ReapRulePart, ...] = Field((), description="The first that fits a branch counts")
    calendars: tuple[CalendarPart, ...] = Field((), description="When people work")
    delete: Literal["always", "working-hours"] = Field(
        "always", description="When they go: at any time, or only in the owner's working hours"
    )
    brake: BrakePart = BrakePart()
    channel: Annotated[str, AfterValidator(optional_channel)] = Field(
        "",
        description="Id of the Slack channel that is asked when the brake holds, and told when "
        "something cannot be read; without one `/env reaper plan` takes the answer",
    )
    restore: Annotated[Duration, Field(le=14 * _DAY)] = Field(
        7 * _DAY, description="For how long a deleted one can be restored; at most 14d"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "ReaperPart":
        located([*self._calendars_twice(), *self._without_calendars()])
        return self

    def _calendars_twice(self) -> Iterator[tuple[Loc, str]]:
        seen: set[str] = set()
        for index, calendar in enumerate(self.calendars):
            for person in calendar.people or ("",):
                if person in seen:
                    who = f"{person} has" if person else "everybody else has"
                    yield ("calendars", index), f"{who} a calendar already"
                seen.add(person)

    def _without_calendars(self) -> Iterator[tuple[Loc, str]]:
        if self.delete == "working-hours" and not self.calendars:
            yield ("delete",), "needs `calendars`: nobody has said when people work"
