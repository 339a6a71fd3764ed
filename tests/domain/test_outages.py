"""Who is away and since when, by what calls tell: in any order, from any thread."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.outages import LASTS, MISSES, Away, Outages, Presence, Vendor
from tests.clocks import START

SECOND = timedelta(seconds=1)


def presence() -> Presence:
    return Presence(Vendor.ARGOCD, "Argo CD", server="main")


def missed(of: Presence, *began: float, took: float = 0.0) -> None:
    for second in began:
        at = START + second * SECOND
        of.missed(at, at + took * SECOND)


def test_who_has_missed_enough_for_long_enough_is_away_since_the_first_call() -> None:
    argocd = presence()
    missed(argocd, 0, 5, 12)
    assert argocd.away() == Away(Vendor.ARGOCD, "Argo CD", START, "main")


@pytest.mark.parametrize(
    "began",
    [(), (0,), (0, 60), (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)],
    ids=["nothing", "one", "two", "many-within-seconds"],
)
def test_what_passes_is_no_outage(began: tuple[float, ...]) -> None:
    argocd = presence()
    missed(argocd, *began)
    assert argocd.away() is None


def test_calls_that_hang_count_from_when_they_were_begun() -> None:
    argocd = presence()
    missed(argocd, 3, 2, 1, took=30.0)
    away = argocd.away()
    assert away is not None
    assert away.since == START + SECOND


def test_one_answer_ends_it() -> None:
    argocd = presence()
    missed(argocd, 0, 5, 12)
    argocd.answered(START + 13 * SECOND)
    assert argocd.away() is None
    missed(argocd, 14, 15)
    assert argocd.away() is None


def test_what_was_asked_before_an_answer_counts_no_more() -> None:
    argocd = presence()
    argocd.answered(START + 20 * SECOND)
    missed(argocd, 0, 1, 2, 3, took=30.0)
    assert argocd.away() is None


def test_only_those_that_are_away_are_named() -> None:
    argocd, gitlab = presence(), Presence(Vendor.GITLAB, "GitLab")
    missed(gitlab, 0, 6, 11)
    outages = Outages([argocd, gitlab])
    assert [away.name for away in outages.now()] == ["GitLab"]
    assert outages.known(Vendor.GITLAB) == gitlab.away()
    assert outages.known(Vendor.ARGOCD, "main") is None
    missed(argocd, 0, 6, 11)
    assert outages.known(Vendor.ARGOCD, "main") == argocd.away()
    assert outages.known(Vendor.ARGOCD, "other") is None


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 300), st.floats(0, 30)), max_size=25))
def test_whatever_is_told_an_outage_is_as_old_as_its_oldest_call_since_the_last_answer(
    told: list[tuple[bool, float, float]],
) -> None:
    argocd = presence()
    heard, misses = -1.0, list[tuple[float, float]]()
    for answered, began, took in told:
        if answered:
            argocd.answered(START + began * SECOND)
            heard, misses = max(heard, began), []
        else:
            missed(argocd, began, took=took)
            if began * SECOND >= heard * SECOND:
                misses.append((began, began + took))
    away = argocd.away()
    if away is None:
        short = max((b for _, b in misses), default=0) - min((a for a, _ in misses), default=0)
        assert len(misses) < MISSES or short * SECOND <= LASTS + SECOND
    else:
        assert len(misses) >= MISSES
        assert away.since == START + min(a for a, _ in misses) * SECOND
