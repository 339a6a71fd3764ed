"""Freezes, locks and holds: when they stand in the way, and what they say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import compress
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qbot.domain.barriers import (
    Barrier,
    Freeze,
    Hold,
    Lock,
    Once,
    Weekday,
    Weekly,
    Window,
    barriers,
    span_of,
)
from qbot.domain.names import PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from tests.amounts import examples

BERLIN = ZoneInfo("Europe/Berlin")
STAGE, OTHER = StageName("production"), StageName("staging")
CART, PAYMENTS = ServiceName("cart"), ServiceName("payments")
ANA, BEN = Actor("T1", "U1"), Actor("T1", "U2")
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)
FRI, SAT, SUN, MON, WED = (
    Weekday.FRI,
    Weekday.SAT,
    Weekday.SUN,
    Weekday.MON,
    Weekday.WED,
)
WEEKEND = Weekly(FRI, time(16), MON, time(8))
MINUTE = timedelta(minutes=1)


def window(when: Weekly | Once, zone: ZoneInfo = BERLIN) -> Window:
    return Window("weekend", (STAGE,), when, zone)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def frozen_until(window: Window, now: datetime) -> datetime | None:
    span = span_of(window, now)
    return span[1] if span else None


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-06T15:59:59", None),
        ("2026-03-06T16:00", "2026-03-09T08:00"),
        ("2026-03-08T00:00", "2026-03-09T08:00"),
        ("2026-03-09T07:59:59", "2026-03-09T08:00"),
        ("2026-03-09T08:00", None),
        ("2026-03-28T12:00", "2026-03-30T08:00"),  # an hour is left out in between
        ("2026-10-24T12:00", "2026-10-26T08:00"),  # an hour comes twice in between
        ("2026-12-31T23:00", None),
        ("2027-01-01T16:00", "2027-01-04T08:00"),
    ],
)
def test_a_weekend_freezes_from_friday_to_monday(now: str, until: str | None) -> None:
    found = frozen_until(window(WEEKEND), berlin(now))
    assert found == (berlin(until) if until else None)


@pytest.mark.parametrize(
    ("when", "zone", "now", "until"),
    [
        # 02:30 does not come on that day: the window begins and ends as the clock leaps
        (Weekly(SUN, time(2, 30), SUN, time(5)), BERLIN, "2026-03-29T00:59:59", None),
        (Weekly(SUN, time(2, 30), SUN, time(5)), BERLIN, "2026-03-29T01:00", "2026-03-29T03:00"),
        (Weekly(SAT, time(2), SUN, time(2, 30)), BERLIN, "2026-03-29T00:59", "2026-03-29T01:00"),
        (Weekly(SAT, time(2), SUN, time(2, 30)), BERLIN, "2026-03-29T01:00", None),
        # 02:30 comes twice: from the first, to the second
        (Weekly(SUN, time(2, 30), SUN, time(5)), BERLIN, "2026-10-25T00:29", None),
        (Weekly(SUN, time(2, 30), SUN, time(5)), BERLIN, "2026-10-25T00:30", "2026-10-25T04:00"),
        (Weekly(SUN, time(2, 30), SUN, time(5)), BERLIN, "2026-10-25T01:10", "2026-10-25T04:00"),
        (Weekly(SUN, time(1), SUN, time(2, 30)), BERLIN, "2026-10-25T00:45", "2026-10-25T01:30"),
        # as good as always: one ends while the next has begun
        (
            Weekly(SUN, time(2, 45), SUN, time(2, 15)),
            BERLIN,
            "2026-10-24T12:00",
            "2026-11-01T01:15",
        ),
        # a Friday that Samoa did not have
        (
            Weekly(FRI, time(9), SAT, time(9)),
            ZoneInfo("Pacific/Apia"),
            "2011-12-30T10:00",
            "2011-12-30T19:00",
        ),
    ],
)
def test_a_clock_that_is_changed_changes_no_freeze(
    when: Weekly, zone: ZoneInfo, now: str, until: str | None
) -> None:
    """Times of the table are UTC."""
    found = frozen_until(window(when, zone), datetime.fromisoformat(f"{now}+00:00"))
    assert found == (datetime.fromisoformat(f"{until}+00:00") if until else None)


def test_a_freeze_for_once_holds_between_its_moments() -> None:
    once = window(Once(NOW, NOW + HOUR))
    assert frozen_until(once, NOW - MINUTE) is None
    assert frozen_until(once, NOW) == NOW + HOUR
    assert frozen_until(once, (NOW + HOUR - MINUTE).astimezone(BERLIN)) == NOW + HOUR
    assert frozen_until(once, NOW + HOUR) is None


def test_a_window_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="same moment"):
        Weekly(WED, time(8), WED, time(8))
    for end in (NOW, NOW - HOUR):
        with pytest.raises(ValueError, match="before it begins"):
            Once(NOW, end)
    with pytest.raises(ValueError, match="time zone"):
        Once(NOW.replace(tzinfo=None), NOW)


# Minute by minute: the clocks of some zones around a change, from which windows are told by eye.
SPAN = 24 * 60 * 24
CLOCKS = {
    "Europe/Berlin spring": datetime(2026, 3, 17, tzinfo=UTC),
    "Europe/Berlin autumn": datetime(2026, 10, 13, tzinfo=UTC),
    "America/Sao_Paulo midnight-leaps": datetime(2018, 10, 23, tzinfo=UTC),
    "America/Sao_Paulo midnight-returns": datetime(2018, 2, 6, tzinfo=UTC),
    "Australia/Lord_Howe half-an-hour": datetime(2026, 3, 24, tzinfo=UTC),
    "Pacific/Apia a-day-is-left-out": datetime(2011, 12, 18, tzinfo=UTC),
    "Asia/Kathmandu never": datetime(2026, 3, 17, tzinfo=UTC),
}


@cache
def wall_clock(name: str) -> Sequence[datetime]:
    zone = ZoneInfo(name.partition(" ")[0])
    start = CLOCKS[name]
    return [(start + i * MINUTE).astimezone(zone).replace(tzinfo=None) for i in range(SPAN)]


def week_minutes(when: Weekly) -> tuple[int, int]:
    def at(day: Weekday, moment: time) -> int:
        return day * 1440 + moment.hour * 60 + moment.minute

    start, end = at(when.from_day, when.from_time), at(when.to_day, when.to_time)
    return start, end if end > start else end + 7 * 1440


def frozen_minutes(when: Weekly, walls: Sequence[datetime]) -> list[bool]:
    """From the first minute that shows the start to the last that shows less than the end."""
    frozen = [False] * len(walls)
    start, end = week_minutes(when)
    first = walls[0].date() - timedelta(days=walls[0].weekday() + 14)
    for week in range(8):
        midnight = datetime.combine(first + timedelta(days=7 * week), time(0))
        opens, closes = midnight + start * MINUTE, midnight + end * MINUTE
        from_ = next((i for i, w in enumerate(walls) if w >= opens), len(walls))
        to = max(compress(range(len(walls)), (w < closes for w in walls)), default=-1) + 1
        frozen[from_:to] = [True] * max(0, to - from_)
    return frozen


MOMENTS = st.builds(time, st.integers(0, 4) | st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
WEEKLY = st.tuples(st.sampled_from(Weekday), MOMENTS, st.sampled_from(Weekday), MOMENTS).filter(
    lambda w: w[:2] != w[2:]
)


@settings(max_examples=examples(30), deadline=None)
@given(st.sampled_from(sorted(CLOCKS)), WEEKLY, st.data())
def test_a_window_is_what_a_look_at_the_clock_each_minute_says(
    name: str, parts: tuple[Weekday, time, Weekday, time], data: st.DataObject
) -> None:
    when, walls = Weekly(*parts), wall_clock(name)
    frozen = frozen_minutes(when, walls)
    edges = [i for i in range(1, SPAN) if frozen[i] != frozen[i - 1]]
    some = data.draw(st.lists(st.integers(0, SPAN - 1), min_size=3, max_size=3))
    looked_at = {*some, *edges, *(i - 1 for i in edges)}
    zone = ZoneInfo(name.partition(" ")[0])
    for i in sorted(i for i in looked_at if i < SPAN - 10 * 1440):
        end = next((j for j in range(i, SPAN) if not frozen[j]), SPAN)
        wanted = CLOCKS[name] + end * MINUTE if frozen[i] else None
        if end < SPAN:
            assert frozen_until(window(when, zone), CLOCKS[name] + i * MINUTE) == wanted


HELD = Hold(STAGE, CART, BEN, NOW, PromotionId(12), "1.4.0")
FREEZE = Freeze(STAGE, BEN, "the database moves", NOW, NOW + HOUR)
LOCK = Lock("stage:production", BEN, "a test of load.", NOW, NOW + HOUR)
TODAY = Window("launch", (STAGE,), Once(NOW, NOW + 2 * HOUR), BERLIN)


def found(
    *,
    services: tuple[ServiceName, ...] = (CART,),
    actor: Actor = ANA,
    now: datetime = NOW,
    windows: tuple[Window, ...] = (),
    freezes: tuple[Freeze, ...] = (),
    locks: tuple[Lock, ...] = (),
    holds: tuple[Hold, ...] = (),
    back: bool = False,
) -> tuple[Barrier, ...]:
    return barriers(
        STAGE,
        services,
        actor,
        now=now,
        windows=windows,
        freezes=freezes,
        locks=locks,
        holds=holds,
        back=back,
    )


def test_nothing_in_the_way_is_nothing() -> None:
    assert found() == ()


def test_each_barrier_says_what_it_is_by_whom_and_until_when() -> None:
    assert found(windows=(TODAY,), freezes=(FREEZE,), locks=(LOCK,), holds=(HELD,)) == (
        Barrier(
            "freeze",
            "`production` is frozen by the calendar: `launch`.",
            NOW + 2 * HOUR,
            exempt=True,
            since=NOW,
        ),
        Barrier(
            "freeze",
            "`production` is frozen: the database moves.",
            NOW + HOUR,
            BEN,
            exempt=True,
            since=FREEZE.since,
        ),
        Barrier(
            "lock",
            "`production` is locked: a test of load.",
            NOW + HOUR,
            BEN,
            since=LOCK.since,
            scope=LOCK.scope,
        ),
        Barrier(
            "hold",
            "`cart` is held on `production` since the rollback P-12; "
            "`release production cart` lets it go.",
            by=BEN,
            services=(CART,),
        ),
    )


def test_what_has_no_end_and_no_reason_is_told_without() -> None:
    (freeze,) = found(freezes=(replace(FREEZE, until=None, reason=" "),))
    assert (freeze.reason, freeze.until) == ("`production` is frozen.", None)
    (lock,) = found(locks=(replace(LOCK, until=None, reason=""),), now=NOW + 1000 * HOUR)
    assert (lock.reason, lock.until) == ("`production` is locked.", None)


def test_an_exemption_is_for_what_stood_when_it_was_asked_for() -> None:
    met = found(windows=(TODAY,), freezes=(FREEZE,), locks=(LOCK,))
    assert [b.passed(NOW) for b in met] == [True, True, False]
    since = FREEZE.since
    (later,) = found(freezes=(FREEZE,))
    assert [later.passed(since - timedelta(seconds=1)), later.passed(since)] == [False, True]


@pytest.mark.parametrize("back", [False, True])
def test_only_a_freeze_can_be_passed_by_an_exempt_role(back: bool) -> None:
    met = found(windows=(TODAY,), freezes=(FREEZE,), locks=(LOCK,), holds=(HELD,), back=back)
    assert {b.rule for b in met if b.exempt} == {"freeze"}
    assert {b.rule for b in met if not b.exempt} == ({"lock"} if back else {"lock", "hold"})


@pytest.mark.parametrize(
    "passes",
    [
        found(locks=(replace(LOCK, by=ANA),)),
        found(locks=(replace(LOCK, place="stage:staging"),)),
        found(locks=(replace(LOCK, place="production"),)),
        found(locks=(LOCK,), now=NOW + HOUR),
        found(freezes=(replace(FREEZE, place=OTHER),)),
        found(freezes=(FREEZE,), now=NOW + HOUR),
        found(freezes=(FREEZE,), now=NOW - MINUTE),
        found(windows=(replace(TODAY, stages=(OTHER,)),)),
        found(windows=(replace(TODAY, stages=()),)),
        found(windows=(TODAY,), now=NOW + 2 * HOUR),
        found(holds=(replace(HELD, stage=OTHER),)),
        found(holds=(HELD,), services=(PAYMENTS,)),
        found(holds=(HELD,), services=()),
        found(holds=(HELD,), back=True),
    ],
)
def test_what_is_somebodys_own_elsewhere_or_over_is_no_barrier(
    passes: tuple[Barrier, ...],
) -> None:
    assert passes == ()


def test_ones_own_freeze_is_a_barrier_too() -> None:
    assert found(freezes=(FREEZE,), actor=BEN)


def test_what_one_rollback_holds_is_one_barrier() -> None:
    held = (HELD, replace(HELD, service=PAYMENTS), replace(HELD, service=ServiceName("frontend")))
    (met,) = found(services=(PAYMENTS, CART), holds=held)
    assert met.reason == (
        "`cart` and `payments` are held on `production` since the rollback P-12; "
        "`release production cart payments` lets them go."
    )
    later = replace(HELD, service=PAYMENTS, promotion=PromotionId(14))
    met_apart = found(services=(PAYMENTS, CART), holds=(HELD, later))
    assert [b.reason.split("`")[1] for b in met_apart] == ["cart", "payments"]


def test_many_held_services_are_a_few_names_and_a_number() -> None:
    names = tuple(ServiceName(f"service-{n}") for n in range(100))
    held = tuple(replace(HELD, service=name) for name in names)
    (met,) = found(services=names, holds=held)
    assert "`service-5` and 94 more are held" in met.reason
    assert met.reason.endswith("`release production` lets them go.")


def test_calendar_dates_far_away_are_no_trouble() -> None:
    assert (
        frozen_until(window(WEEKEND), datetime.combine(date(2400, 1, 1), time(), UTC)) is not None
    )
