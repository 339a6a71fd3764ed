"""When a webhook is switched off, by its record alone."""

from datetime import UTC, datetime, timedelta

from qbot.sandbox.gitlab.hooks.records import Hook
from qbot.sandbox.gitlab.model import Group

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def hook() -> Hook:
    return Hook(1, Group(1, "shop", "Shop", NOW), "http://qbot.example/", NOW)


def failed(times: int) -> tuple[Hook, datetime, list[timedelta]]:
    """One that failed so often, as soon as it was tried again; how long it was off each time."""
    found, now, waits = hook(), NOW, []
    for _ in range(times):
        found.failed(now)
        waits.append((found.disabled_until or now) - now)
        now = found.disabled_until or now
    return found, now, waits


def test_three_failures_are_borne_then_it_is_off_for_twice_as_long_each_time_up_to_a_day() -> None:
    _, _, waits = failed(39)
    minutes = [wait / timedelta(minutes=1) for wait in waits]
    assert minutes[:3] == [0, 0, 0]
    assert minutes[3:15] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440]
    assert set(minutes[15:]) == {1440}


def test_the_fortieth_failure_in_a_row_is_the_last() -> None:
    found, now, _ = failed(39)
    assert found.alert_status(now) == "executable"
    found.failed(now)
    assert found.disabled_until is None
    assert found.alert_status(now + timedelta(days=365)) == "disabled"


def test_what_was_under_way_when_it_was_switched_off_does_not_count() -> None:
    found, _, _ = failed(4)
    until = found.disabled_until
    assert until is not None
    for _ in range(50):
        found.failed(until - timedelta(seconds=1))
    assert (found.failures, found.disabled_until) == (4, until)


def test_one_good_answer_makes_it_as_new() -> None:
    found, now, _ = failed(40)
    found.worked()
    assert found.alert_status(now) == "executable"
    for _ in range(3):
        found.failed(now)
    assert found.alert_status(now) == "executable"
