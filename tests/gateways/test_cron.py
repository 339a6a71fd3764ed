"""Lines in cron's form: their zone, daylight saving, and what is refused."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.gateways.cron import cron

BERLIN = ZoneInfo("Europe/Berlin")


def moments(line: str, after: datetime, count: int) -> list[datetime]:
    following, found = cron(line, BERLIN), []
    for _ in range(count):
        at = following(after)
        assert at is not None
        found.append(at)
        after = at
    return found


def test_working_days_are_those_of_the_zone() -> None:
    friday = datetime(2026, 10, 23, 7, tzinfo=UTC)  # 09:00 in Berlin: the moment itself is over
    found = moments("0 9 * * mon-fri", friday, 2)
    assert found == [
        datetime(2026, 10, 26, 8, tzinfo=UTC),  # winter time since Sunday
        datetime(2026, 10, 27, 8, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "day", [datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 3, 28, tzinfo=UTC)]
)
def test_each_day_has_one_also_where_an_hour_comes_twice_or_never(day: datetime) -> None:
    found = moments("30 2 * * *", day, 4)
    days = [at.astimezone(BERLIN).date() for at in found]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


@given(st.integers(0, 8 * 365 * 24 * 3_600))
def test_the_next_one_is_later_and_before_it_there_is_none(seconds: int) -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    (at,) = moments("15 6 * * *", moment, 1)
    assert moment < at <= moment + timedelta(days=2)
    assert moments("15 6 * * *", at - timedelta(seconds=1), 1) == [at]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("daily", "five fields"),
        ("0 9 * * 1-5", "name days of the week"),
        ("0 9 1 * mon", "leave the day or the days of the week"),
        ("0 99 * * *", "is not in cron's form"),
        ("0 9 * * weekdays", "is not in cron's form"),
    ],
)
def test_what_is_no_line_is_refused(line: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cron(line, BERLIN)
