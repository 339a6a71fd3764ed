"""What was done to an environment, line by line."""

from datetime import timedelta

from qbot.domain.history import Entry
from qbot.domain.progress import End, Kind
from qbot.render.history import Turn, history
from tests.render.samples import ANA, START, STYLE


def line(entry: Entry) -> str:
    return history("feat/x", [entry], STYLE, Turn("e1"), more=False).text


def test_how_long_something_took_does_not_count_the_wait_for_its_turn() -> None:
    begun, ended = START + timedelta(seconds=10), START + timedelta(seconds=16)
    assert "took 6 s" in line(
        Entry(Kind.SYNC, ANA, START, end=End.SUCCEEDED, ended_at=ended, begun_at=begun)
    )


def test_a_command_in_a_reason_is_what_one_can_type() -> None:
    entry = Entry(Kind.CREATE, ANA, START, end=End.REFUSED, headline="See `list`.")
    assert "`/env list`" in line(entry)
