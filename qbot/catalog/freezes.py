"""qbot.yaml: when the calendar lets nothing be promoted."""

import re
from datetime import date, datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from qbot.catalog.names import StageRef
from qbot.catalog.parts import Part, Zone
from qbot.domain.barriers import Once, Weekday, Weekly

Moment = tuple[Weekday, time] | datetime
_WEEKLY = re.compile(r"([A-Za-z]{3})[a-z]*\s+(\d{1,2}:\d{2})")
_FORMS = "must be like `Fri 16:00` or `2026-12-23T12:00`"


def _moment(value: Any) -> Moment:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None) if value.tzinfo is None else value
    if isinstance(value, date):
        return datetime.combine(value, time())
    text = str(value).strip()
    try:
        if found := _WEEKLY.fullmatch(text):
            return Weekday[found[1].upper()], time.fromisoformat(found[2].zfill(5))
        return datetime.fromisoformat(text)
    except (KeyError, ValueError):
        raise ValueError(_FORMS) from None


class FreezePart(Part):
    """One window, once or every week."""

    name: str = Field(description="Shown to whom it stops", min_length=1)
    stages: tuple[StageRef, ...] = Field(min_length=1, description="In which nothing moves then")
    start: Annotated[Any, BeforeValidator(_moment)] = Field(
        alias="from", description="`Fri 16:00` (every week) or `2026-12-23T12:00` (once)"
    )
    end: Annotated[Any, BeforeValidator(_moment)] = Field(
        alias="to", description="Likewise; the first moment that is free again"
    )
    zone: Zone | None = Field(None, description="Time zone of both; `zone` of the file if empty")

    @model_validator(mode="after")
    def _is_a_window(self) -> "FreezePart":
        self.when(ZoneInfo("UTC"))
        return self

    def when(self, zone: ZoneInfo) -> Weekly | Once:
        """The window, in its own zone or else this one.

        Raises:
            ValueError: it has no length, or its ends are of two kinds.
        """
        zone = self.zone or zone
        match self.start, self.end:
            case datetime() as start, datetime() as end:
                return Once(_aware(start, zone), _aware(end, zone))
            case (from_day, from_time), (to_day, to_time):
                return Weekly(from_day, from_time, to_day, to_time)
            case _:
                raise ValueError("`from` and `to` must both be days of the week or both dates")


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
