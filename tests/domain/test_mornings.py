"""Somebody's own digest: what is typed, and when it comes."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from qbot.domain.barriers import Weekday
from qbot.domain.commands import parse
from qbot.domain.idle import Calendar
from qbot.domain.morning import Mornings, Wish, is_free
from qbot.domain.morning_grammar import MORNING, OwnDigest
from qbot.domain.people import Actor
from qbot.errors import UserError
from qbot.gateways.cron import cron

ANA = Actor("T1", "U0ANA")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
WISH = Wish(ANA, time(8, 30), "Asia/Tokyo", NOW)
SUNDAYS = Calendar(
    ZoneInfo("Africa/Cairo"),
    frozenset({Weekday.SUN, Weekday.MON}),
    time(9),
    time(17),
    holidays=frozenset({date(2026, 11, 23)}),
    people=frozenset({"U0ANA"}),
)
NOBODY = Mornings(None, (), ZoneInfo("Europe/Berlin"))  # type: ignore[arg-type]  # nothing is read
HERS = Mornings(None, (SUNDAYS,), ZoneInfo("Europe/Berlin"))  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("digest", OwnDigest()),
        ("digest on", OwnDigest(wanted=True, at=MORNING)),
        ("digest ON 7:05", OwnDigest(wanted=True, at=time(7, 5))),
        ("digest on 23.59", OwnDigest(wanted=True, at=time(23, 59))),
        ("digest off", OwnDigest(wanted=False)),
    ],
)
def test_what_is_typed(typed: str, meant: OwnDigest) -> None:
    assert parse(typed) == meant


@pytest.mark.parametrize(
    "typed", ["digest soon", "digest on 24:00", "digest on 9", "digest on 9am"]
)
def test_what_is_mistyped_is_told_with_an_example(typed: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(typed)
    assert "digest on 8:30" in refused.value.hint


def test_it_comes_by_the_clocks_around_the_person_on_working_days() -> None:
    plan = NOBODY.plan(WISH)
    assert (plan.channel, plan.since, plan.daily) == ("U0ANA", NOW, True)
    monday = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # 8:30 there
    assert cron(plan.cron, plan.zone)(NOW) == monday


def test_a_calendar_says_which_days_and_where_slack_is_silent_the_zone() -> None:
    silent = Wish(ANA, time(8, 30), "", NOW)
    plan = HERS.plan(silent)
    assert plan.zone.key == "Africa/Cairo"
    sunday = cron(plan.cron, plan.zone)(NOW)
    assert sunday == datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
    assert not is_free(sunday, plan, SUNDAYS)
    assert is_free(datetime(2026, 11, 23, 6, 30, tzinfo=UTC), plan, SUNDAYS)
    assert NOBODY.plan(silent).zone.key == "Europe/Berlin"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "\0"])
def test_a_zone_that_there_is_not_is_none(zone: str) -> None:
    assert NOBODY.plan(Wish(ANA, MORNING, zone, NOW)).zone.key == "Europe/Berlin"
