"""Time that counts: working hours, weekends, holidays, and clocks that are put forward and back."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.barriers import Weekday
from qbot.domain.idle import Calendar, calendar_of, idle_from, opening
from tests.clocks import START  # a Monday, 9:00 UTC
from tests.domain.working_hours import worked

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
WEEK = frozenset(Weekday) - {Weekday.SAT, Weekday.SUN}
OFFICE = Calendar(BERLIN, WEEK, time(9), time(17), frozenset({date(2026, 1, 6)}))
ROUND = Calendar(BERLIN, frozenset(Weekday), time(0), time(23, 59))
NIGHT = Calendar(BERLIN, frozenset(Weekday), time(1), time(4))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  (hypothesis adds it)
CALENDARS = st.sampled_from([None, OFFICE, ROUND, NIGHT])
SPANS = st.timedeltas(timedelta(minutes=1), 30 * DAY)


def test_without_a_calendar_all_time_counts() -> None:
    assert worked(None, START, START + 5 * DAY) == 5 * DAY
    assert idle_from(None, START, 2 * DAY) == START + 2 * DAY
    assert opening(None, START) == START


def test_nights_weekends_and_holidays_do_not_count() -> None:
    friday = datetime(2026, 1, 9, 16, 0, tzinfo=BERLIN)
    assert worked(OFFICE, friday, friday + 3 * DAY) == 8 * HOUR
    assert idle_from(OFFICE, friday, 2 * HOUR) == datetime(2026, 1, 12, 10, 0, tzinfo=BERLIN)
    monday = datetime(2026, 1, 5, 16, 0, tzinfo=BERLIN)  # the Tuesday is a holiday
    assert idle_from(OFFICE, monday, 2 * HOUR) == datetime(2026, 1, 7, 10, 0, tzinfo=BERLIN)


def test_somebody_works_now_or_from_the_next_opening_on() -> None:
    friday = datetime(2026, 1, 9, 16, 59, tzinfo=BERLIN)
    assert opening(OFFICE, friday) == friday
    assert opening(OFFICE, friday + HOUR) == datetime(2026, 1, 12, 9, 0, tzinfo=BERLIN)


def test_an_hour_that_the_clocks_skip_or_repeat_is_neither_won_nor_lost() -> None:
    spring = datetime(2026, 3, 29, 0, 0, tzinfo=BERLIN)
    assert worked(NIGHT, spring, spring + DAY) == 2 * HOUR
    autumn = datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN)
    assert worked(NIGHT, autumn, autumn + DAY) == 4 * HOUR
    assert idle_from(None, spring, DAY) == (spring.astimezone(UTC) + DAY)


def test_what_takes_longer_than_ten_years_is_never() -> None:
    rare = Calendar(BERLIN, frozenset({Weekday.MON}), time(9), time(9, 1))
    assert idle_from(rare, START, 366 * DAY) is None
    closed = Calendar(
        BERLIN, WEEK, time(9), time(17), frozenset(date(2026, 1, 1) + n * DAY for n in range(3_700))
    )
    assert opening(closed, START) is None


def test_a_calendar_of_ones_own_goes_before_that_of_everybody_else() -> None:
    own = Calendar(BERLIN, WEEK, time(9), time(17), people=frozenset({"U1"}))
    assert calendar_of((OFFICE, own), "U1") is own
    assert calendar_of((OFFICE, own), "U2") is OFFICE
    assert calendar_of((own,), "U2") is None


@given(CALENDARS, MOMENTS, SPANS)
def test_so_much_has_counted_by_then_and_not_before(
    calendar: Calendar | None, since: datetime, after: timedelta
) -> None:
    then = idle_from(calendar, since, after)
    assert then is not None
    assert then >= since + after
    assert worked(calendar, since, then) == after
    assert worked(calendar, since, then - timedelta(seconds=1)) < after


@given(CALENDARS, MOMENTS, SPANS, SPANS)
def test_later_use_is_idle_later_and_no_more_counts_than_passes(
    calendar: Calendar | None, since: datetime, more: timedelta, after: timedelta
) -> None:
    early, late = (idle_from(calendar, at, after) for at in (since, since + more))
    assert early is not None
    assert late is not None
    assert early <= late
    assert timedelta() <= worked(calendar, since, since + more) <= more
    assert worked(calendar, since + more, since) == timedelta()
