"""Time in which no process was there puts off what was warned of before."""

from datetime import timedelta

from qbot.domain.absence import AWAY, Absence, absent
from tests.clocks import START

HOUR = timedelta(hours=1)


def test_a_process_that_comes_after_a_while_without_any_ends_an_absence() -> None:
    late = START + 5 * HOUR
    assert absent(None, last=START, since=late, now=late) == Absence(late, late + 5 * HOUR)
    soon = START + AWAY - timedelta(seconds=1)
    assert absent(None, last=START, since=soon, now=late) is None


def test_where_a_process_was_there_all_the_time_there_was_none() -> None:
    assert absent(None, last=START + HOUR, since=START, now=START + 9 * HOUR) is None


def test_what_was_written_down_by_a_clock_that_was_ahead_is_one_too() -> None:
    now = START - 5 * HOUR
    assert absent(None, last=START, since=now, now=now) == Absence(now, now + 5 * HOUR)


def test_one_in_the_middle_of_what_another_put_off_adds_to_it() -> None:
    first = Absence(START, START + 5 * HOUR)
    back = START + 2 * HOUR
    again = absent(first, last=START + HOUR, since=back, now=back)
    assert again == Absence(back, back + HOUR + 4 * HOUR)


def test_it_puts_off_by_a_grace_at_most_and_only_what_was_warned_of_before() -> None:
    absence = Absence(START, START + 5 * HOUR)
    assert absence.puts_off(START - HOUR, 9 * HOUR) == START + 5 * HOUR
    assert absence.puts_off(START - HOUR, 4 * HOUR) == START + 4 * HOUR
    after = START + HOUR
    assert absence.puts_off(after, 4 * HOUR) == after
