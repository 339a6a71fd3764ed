"""What all parts of qbot.yaml are made of."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from qbot.domain.grammar import duration
from qbot.errors import UserError

PROJECT = r"^[^/\s]+(/[^/\s]+)+$"
Loc = tuple[int | str, ...]


class Part(BaseModel):
    """One mapping of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _duration(value: Any) -> Any:
    if isinstance(value, int | float):
        value = str(value)  # a number has no unit, and seconds are what nobody means
    if not isinstance(value, str):
        return value
    try:
        return duration(value)
    except UserError as error:
        raise ValueError(f"{error} {error.hint}") from None


def _zone(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {value}; write Europe/Berlin or UTC") from None


def _text(value: Any) -> Any:
    """Numbers, truths and days as they are written, where a text is meant."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Text = Annotated[str, BeforeValidator(_text)]
Values = dict[str, str]


def located(found: list[tuple[Loc, str]]) -> None:
    """Problems between keys, each at its own place below the part that is checked.

    Raises:
        ValidationError: there are some.
    """
    if found:
        raise ValidationError.from_exception_data(
            "qbot.yaml",
            [
                {"type": "value_error", "loc": where, "input": "", "ctx": {"error": why}}
                for where, why in found
            ],
        )
