"""A lease: held for most of its time, void for what began before it lapsed."""

import pytest

from qbot.domain.lease import Lease
from qbot.domain.ports import Fenced


class Hand:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def lease(hand: Hand) -> Lease:
    return Lease(30.0, time=hand)


def test_before_it_is_first_renewed_nothing_may_be_done(lease: Lease) -> None:
    assert not lease.held()
    with pytest.raises(Fenced):
        lease.check(lease.term)


def test_it_counts_from_when_the_renewal_was_asked_for(lease: Lease, hand: Hand) -> None:
    began = lease.now()
    hand.seconds += 20
    lease.renew(began)
    assert lease.held()
    hand.seconds += 3.9
    assert lease.held()
    hand.seconds += 0.2  # four fifths of it: others may be about to take over
    assert not lease.held()


def test_renewed_in_time_it_stays_the_same_term(lease: Lease, hand: Hand) -> None:
    lease.renew(lease.now())
    term = lease.term
    for _ in range(3):
        hand.seconds += 20
        lease.renew(lease.now())
    lease.check(term)


def test_what_began_before_it_lapsed_stays_void_when_it_is_taken_anew(
    lease: Lease, hand: Hand
) -> None:
    lease.renew(lease.now())
    term = lease.term
    hand.seconds += 30
    lease.renew(lease.now())
    with pytest.raises(Fenced):
        lease.check(term)
    lease.check(lease.term)
