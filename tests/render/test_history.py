"""What was done to an environment, line by line."""

from datetime import timedelta

import pytest

from qbot.domain.history import DEEDS, Deed, Entry
from qbot.domain.progress import End, Kind
from qbot.render.history import Turn, history
from tests.render.samples import ANA, START, STYLE


def line(entry: Entry | Deed) -> str:
    return history("feat/x", [entry], STYLE, Turn("e1"), more=False).text


def test_how_long_something_took_does_not_count_the_wait_for_its_turn() -> None:
    begun, ended = START + timedelta(seconds=10), START + timedelta(seconds=16)
    assert "took 6 s" in line(
        Entry(Kind.SYNC, ANA, START, end=End.SUCCEEDED, ended_at=ended, begun_at=begun)
    )


def test_what_brings_back_something_deleted_is_a_restore_as_on_its_card() -> None:
    assert line(Entry(Kind.CREATE, ANA, START, brings_back=True)).count("*Restore*") == 1
    assert "*Create*" in line(Entry(Kind.CREATE, ANA, START))


def test_a_command_in_a_reason_is_what_one_can_type() -> None:
    entry = Entry(Kind.CREATE, ANA, START, end=End.REFUSED, headline="See `list`.")
    assert "`/env list`" in line(entry)


@pytest.mark.parametrize(
    ("action", "detail", "said"),
    [
        ("environment.extend", {"until": START.isoformat()}, "*Extended* until <!date^"),
        ("environment.pin", {"pinned_until": "open", "reason": "demo"}, "*Pinned* for good"),
        ("environment.transfer", {"to": "T1-UBEN"}, "*Handed over* to <@UBEN>"),
        ("scope.locked", {"reason": "load test"}, "load test"),
        ("reaper.warned", {"to": "C0CHANNEL"}, "*Warned that it is to go*: told <#C0CHANNEL>"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_what_was_decided_is_told(action: str, detail: dict[str, str], said: str) -> None:
    assert said in line(Deed(action, ANA, START, detail))


def test_each_deed_has_its_words() -> None:
    for action in DEEDS:
        assert "*" in line(Deed(action, ANA, START))
