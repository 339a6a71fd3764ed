"""Whose branches are listed: nothing that happens goes unseen, and nothing is asked for nothing."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from qbot.domain.listing_turns import NEVER, SWEEP_EVERY, by_activity, by_age
from qbot.domain.names import ProjectPath
from tests.amounts import examples

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
A, B, C = (ProjectPath(f"shop/{name}") for name in "abc")


def test_what_was_not_listed_since_a_start_is_due_at_once() -> None:
    read = {A: NEVER, B: START - HOUR, C: START}
    assert by_age(read, {}, started=START, now=START + SWEEP_EVERY) == [A, B]


def test_each_time_a_few_are_due_the_oldest_first() -> None:
    read = {ProjectPath(f"shop/{n}"): START + timedelta(minutes=n) for n in range(100)}
    due = by_age(read, {}, started=START, now=START + 3 * HOUR)
    assert due == list(read)[:3]


def test_one_that_cannot_be_read_takes_nobody_elses_turn() -> None:
    read = {ProjectPath(f"shop/{n}"): START + timedelta(minutes=n) for n in range(11)}
    dead, tried = ProjectPath("shop/0"), dict(read)
    for tick in range(1, 145):
        now = START + HOUR + tick * SWEEP_EVERY
        for project in by_age(read, tried, started=START, now=now):
            tried[project] = now
            if project != dead:
                read[project] = now
        assert all(now - at <= 8 * HOUR for project, at in read.items() if project != dead)
        assert now - tried[dead] <= 8 * HOUR


def test_what_failed_since_a_start_or_is_late_is_asked_again_after_half_an_hour() -> None:
    for read, started in ((NEVER, START), (START, START - HOUR)):
        tried = {A: START + 9 * HOUR}
        for later, due in ((10, []), (20, []), (30, [A])):
            now = tried[A] + timedelta(minutes=later)
            assert by_age({A: read}, tried, started=started, now=now) == due


def test_of_what_gitlab_does_not_show_only_the_turn_counts() -> None:
    read = {A: START, B: START, C: START}
    turns = by_activity(read, [A], {C: START - 2 * HOUR}, started=START)
    assert (turns.listed, turns.quiet) == ([A], [C])


def test_a_list_from_before_the_start_is_never_good_enough() -> None:
    turns = by_activity({A: START}, [A], {A: NEVER}, started=START + HOUR)
    assert (turns.listed, turns.quiet) == ([A], [])


@settings(max_examples=examples(200))
@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=30).map(sorted))
def test_whatever_happened_is_listed_by_the_next_sweep(
    minutes: list[int],
) -> None:
    """GitLab notes the first activity of each hour; a list shows all that came before it."""
    noted, seen, read = START - 24 * HOUR, START, START
    for tick in range(10, 1_200, 10):
        now = START + timedelta(minutes=tick)
        for at in (START + timedelta(minutes=m) for m in minutes):
            if at <= now and at >= noted + HOUR:
                noted = at
        turns = by_activity({A: read}, [], {A: noted}, started=START)
        assert set(turns.listed) | set(turns.quiet) == {A}
        seen, read = (now if turns.listed else seen), now
        happened = [START + timedelta(minutes=m) for m in minutes if m <= tick]
        assert all(at <= seen for at in happened)
