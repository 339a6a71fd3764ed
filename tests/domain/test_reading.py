"""How far what was read can be trusted, and how people are told."""

from datetime import timedelta

import pytest

from qbot.domain.names import ProjectPath
from qbot.domain.reading import Doubt, Reading, kept_for, newest, sentences
from tests.clocks import START

HOUR = timedelta(hours=1)
A, B = ProjectPath("shop/a"), ProjectPath("shop/b")


@pytest.mark.parametrize(
    ("reading", "doubt"),
    [
        (Reading(), Doubt.UNASKED),
        (Reading(failed_at=START, failed="403"), Doubt.REFUSED),
        (Reading(START), None),
        (Reading(START, START, "503"), None),
        (Reading(START - 2 * HOUR), Doubt.OLD),
        (Reading(START - 2 * HOUR, START - HOUR, "503"), Doubt.REFUSED),
        (Reading(START - 2 * HOUR, START - 3 * HOUR, "503"), Doubt.OLD),
        (Reading(START + 2 * HOUR), Doubt.OLD),
    ],
)
def test_what_was_never_asked_refused_or_is_old_is_told_apart(
    reading: Reading, doubt: Doubt | None
) -> None:
    assert reading.doubt(HOUR, START) is doubt


def test_of_several_sources_the_newest_counts_and_the_last_that_failed() -> None:
    own, group = Reading(START, START - HOUR, "503"), Reading(None, START, "403")
    assert newest([own, group]) == Reading(START, START, "403")
    assert newest([Reading(), Reading()]) == Reading()


def test_nobody_is_blamed_for_what_he_was_not_asked() -> None:
    said = list(sentences({B: Doubt.REFUSED, A: Doubt.UNASKED, ProjectPath("c"): Doubt.OLD}))
    assert [("GitLab" in one) for one in said] == [False, True, False]
    assert kept_for(A, Doubt.UNASKED, "") == "Qbot has not looked at shop/a yet"
    assert kept_for(A, Doubt.REFUSED, "403") == "GitLab did not answer about shop/a: 403"
    assert kept_for(A, Doubt.OLD, "") == "Qbot looked at shop/a too long ago"
