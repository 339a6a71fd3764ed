"""qbot.yaml's reaper: what may be said, how errors are told, and what becomes of it."""

from datetime import time, timedelta
from pathlib import Path

import pytest

from qbot.app.reaping import terms
from qbot.catalog import Catalog, load_catalog
from qbot.domain.barriers import Weekday
from qbot.domain.names import BranchName, ProjectPath
from qbot.errors import PermanentError

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BASE = """\
services:
  - {name: cart, project: shop/cart}
environments:
  base: {project: shop/environments}
zone: Europe/Berlin
"""
FULL = """\
reaper:
  idle_after: 16h
  max_age: 30d
  grace: 8h
  exclude: [demo/*]
  delete: working-hours
  rules:
    - {branches: release/*, idle_after: never, max_age: never, merged: never}
    - {branches: fix/*, grace: 1h}
  calendars:
    - {days: [Mon, tuesday], hours: 09:00-17:30, holidays: [2026-12-25]}
    - {people: [U0BEN], zone: America/New_York}
  brake: {count: 5, share: 0.5}
  targets: [develop]
"""


def read(tmp_path: Path, reaper: str) -> Catalog:
    path = tmp_path / "qbot.yaml"
    path.write_text(BASE + reaper)
    return load_catalog(path, instances=("main",))


def test_without_a_word_two_days_of_rest_and_a_day_of_grace(tmp_path: Path) -> None:
    catalog = read(tmp_path, "")
    (rule,) = terms(catalog).rules
    assert (rule.branches, rule.idle_after, rule.max_age, rule.grace) == ("*", 2 * DAY, None, DAY)
    assert terms(catalog).calendars == ()
    assert (catalog.reaper.brake.count, catalog.reaper.brake.share) == (10, 0.3)


def test_rules_say_what_is_different_and_never_means_never(tmp_path: Path) -> None:
    found = terms(read(tmp_path, FULL))
    release, fix, every = (found.rule_of(BranchName(b)) for b in ("release/1", "fix/a", "feat/a"))
    assert (release.idle_after, release.max_age, release.merged) == (None, None, None)
    assert (release.grace, release.closed) == (8 * HOUR, DAY)
    assert (fix.idle_after, fix.grace) == (16 * HOUR, HOUR)
    assert [r.key for r in (release, fix, every)] == [
        "reaper.rules[0]", "reaper.rules[1]", "reaper",
    ]  # fmt: skip
    assert found.excluded == ("demo/*",)
    assert found.targets == ("develop",)
    assert dict(found.mains) == {ProjectPath("shop/cart"): frozenset({"main"})}
    assert found.in_working_hours


def test_calendars_have_a_zone_days_and_hours(tmp_path: Path) -> None:
    berlin, york = terms(read(tmp_path, FULL)).calendars
    assert berlin.zone.key == "Europe/Berlin"
    assert berlin.days == {Weekday.MON, Weekday.TUE}
    assert (berlin.start, berlin.end) == (time(9), time(17, 30))
    assert len(berlin.holidays) == 1
    assert york.zone.key == "America/New_York"
    assert len(york.days) == 5
    assert york.people == {"U0BEN"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("16h", "soon", ":7: reaper.idle_after: `soon` is not a duration"),
        ("16h", "16", ":7: reaper.idle_after: `16` is not a duration"),
        ("exclude", "exclud", ":10: reaper.exclud: there is no such key; did you mean exclude?"),
        ("release/*", "''", ":13: reaper.rules[0].branches: must have at least 1 char"),
        ("[Mon, t", "[Someday, t", ":16: reaper.calendars[0].days[0]: must be a day of the week"),
        ("09:00-17:30", "17:30-09:00", ":16: reaper.calendars[0].hours: must be like 09:00-17:30"),
        ("09:00-17:30", "9 to 5", ":16: reaper.calendars[0].hours: must be like 09:00-17:30"),
        ("09:00-17:30", "09:00-25:30", ":16: reaper.calendars[0].hours: must be like"),
        ("America/New_York", "Mars", ":17: reaper.calendars[1].zone: there is no time zone Mars"),
        ("people: [U0BEN], ", "", ":17: reaper.calendars[1]: everybody else has a calendar"),
        ("share: 0.5", "share: 0", ":18: reaper.brake.share: must be more than 0"),
        ("share: 0.5", "share: 30", ":18: reaper.brake.share: must be at most 1"),
        ("count: 5", "count: 0", ":18: reaper.brake.count: must be at least 1"),
    ],
)
def test_an_error_names_line_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(PermanentError) as refused:
        read(tmp_path, FULL.replace(old, new, 1))
    assert says in str(refused.value)


def test_working_hours_need_a_calendar(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r":7: reaper\.delete: needs `calendars`"):
        read(tmp_path, "reaper:\n  delete: working-hours\n")
