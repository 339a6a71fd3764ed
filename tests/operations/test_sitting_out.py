"""An outage uses up nobody's time."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.outages import Away, Outages, Presence, Vendor
from qbot.operations.sitting_out import Deadline
from tests.clocks import START, HandClock

MINUTE = 60.0


class Outage:
    """Somebody who can be away."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._away: Away | None = None

    def begin(self) -> None:
        self._away = Away(Vendor.ARGOCD, "Argo CD", self._clock.now())

    def end(self) -> None:
        self._away = None

    def __call__(self) -> Away | None:
        return self._away


def test_a_deadline_without_an_outage_is_what_was_recorded() -> None:
    clock = HandClock()
    deadline = Deadline(START + timedelta(minutes=10), clock, Outage(clock))
    clock.advance(10 * MINUTE - 1)
    assert (deadline.is_over, deadline.left) == (False, 1)
    clock.advance(1)
    assert (deadline.is_over, deadline.left) == (True, 0)


def test_what_was_left_as_it_began_is_left_as_it_ends() -> None:
    clock = HandClock()
    outage = Outage(clock)
    deadline = Deadline(START + timedelta(minutes=10), clock, outage)
    clock.advance(2 * MINUTE)
    outage.begin()
    over = []
    for _ in range(6):
        clock.advance(10 * MINUTE)
        over.append(deadline.is_over)
    assert not any(over)
    outage.end()
    assert deadline.left == pytest.approx(8 * MINUTE)


def test_who_finds_it_over_after_a_restart_gets_a_little_once_all_are_back() -> None:
    clock = HandClock()
    outage = Outage(clock)
    outage.begin()
    clock.advance(60 * MINUTE)
    deadline = Deadline(START + timedelta(minutes=10), clock, outage)
    assert not deadline.is_over
    outage.end()
    assert deadline.left == pytest.approx(2 * MINUTE)


@given(st.lists(st.tuples(st.booleans(), st.floats(1, 600)), max_size=20))
def test_however_outages_come_no_time_is_lost_to_them(stretches: list[tuple[bool, float]]) -> None:
    clock = HandClock()
    outage, lost = Outage(clock), 0.0
    deadline = Deadline(START + timedelta(hours=9), clock, outage)
    for away, seconds in stretches:
        if away:
            outage.begin()
        before = deadline.left
        clock.advance(seconds)
        lost += seconds if away else 0.0
        assert deadline.left == pytest.approx(before if away else before - seconds)
        outage.end()
    whole = 9 * 3600 - clock.monotonic() + lost
    assert deadline.left == pytest.approx(whole)


def test_a_deployment_depends_on_its_own_argo_cd_and_on_gitlab() -> None:
    clock = HandClock()
    main, east = (Presence(Vendor.ARGOCD, n, server=n) for n in ("main", "east"))
    gitlab, slack = Presence(Vendor.GITLAB, "GitLab"), Presence(Vendor.SLACK, "Slack")
    outages = Outages([slack, gitlab, main, east])

    def strike(presence: Presence) -> None:
        for second in (0, 6, 12):
            at = clock.now() + timedelta(seconds=second)
            presence.missed(at, at)

    strike(slack)
    strike(east)
    assert outages.deploying("main") is None
    assert outages.deploying("east") is not None
    strike(gitlab)
    assert outages.deploying("main") is not None
