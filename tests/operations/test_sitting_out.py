"""An outage uses up nobody's time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.outages import Outages, Presence, Span, Vendor
from qbot.errors import AwayError, TransientError
from qbot.operations.sitting_out import Allowance, Deadline
from tests.clocks import START, HandClock

MINUTE = 60.0


class Outage:
    """Somebody who can be away."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._begun: datetime | None = None
        self._over: list[Span] = []

    def begin(self) -> None:
        self._begun = self._clock.now()

    def end(self) -> None:
        if self._begun is not None:
            self._over.append(Span(self._begun, self._clock.now()))
        self._begun = None

    def __call__(self, now: datetime) -> Sequence[Span]:
        return [*self._over, *([Span(self._begun, now)] if self._begun else [])]


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


def test_one_that_came_and_went_between_two_looks_counts_as_well() -> None:
    clock = HandClock()
    outage = Outage(clock)
    deadline = Deadline(START + timedelta(minutes=10), clock, outage)
    clock.advance(10 * MINUTE - 5)
    outage.begin()
    clock.advance(60 * MINUTE)
    outage.end()
    assert deadline.left == pytest.approx(2 * MINUTE)


@pytest.mark.parametrize(
    ("away", "there"), [(15, 45), (20, 20), (40, 30), (60, 50), (300, 110), (5, 1)]
)
def test_a_neighbour_that_comes_and_goes_puts_nothing_off_for_ever(away: int, there: int) -> None:
    clock = HandClock()
    outage = Outage(clock)
    deadline = Deadline(START + timedelta(minutes=10), clock, outage)
    used = 0
    while not deadline.is_over:
        outage.begin()
        clock.advance(away)
        assert not deadline.is_over
        outage.end()
        clock.advance(there)
        used += there
        assert used < 18 * MINUTE


def test_slow_answers_leave_a_little_each_time_and_put_nothing_off_for_ever() -> None:
    clock = HandClock()
    deadline = Deadline(START + timedelta(minutes=10), clock, Outage(clock))
    clock.advance(9 * MINUTE)
    while not deadline.is_over:
        asked = clock.now()
        clock.advance(90)
        deadline.waited(asked)
        assert clock.monotonic() < 18 * MINUTE
        assert deadline.left in {90, 0}
    assert clock.monotonic() > 14 * MINUTE


def test_who_waited_for_an_answer_through_a_known_outage_gets_a_little_once() -> None:
    clock = HandClock()
    outage = Outage(clock)
    deadline = Deadline(START + timedelta(minutes=10), clock, outage)
    clock.advance(10 * MINUTE - 5)
    asked = clock.now()
    outage.begin()
    clock.advance(60 * MINUTE)
    outage.end()
    deadline.waited(asked)
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


PAUSE = 15.0  # seconds between two tries
HANGS = 30.0  # seconds until a call without an answer is given up


def tried(allowed: Allowance, clock: HandClock, error: TransientError, *, took: float) -> bool:
    """One try in vain, and the pause after it; whether there is another one."""
    allowed.begins()
    clock.advance(took)
    wait = allowed.wait(PAUSE, error)
    clock.advance(wait or 0.0)
    return wait is not None


@pytest.mark.parametrize("sits_out", [False, True])
@pytest.mark.parametrize("took", [0.0, HANGS])
def test_a_call_that_nobody_answers_ends_in_its_time_or_with_one_more_try(
    took: float, *, sits_out: bool
) -> None:
    clock = HandClock()
    allowed = Allowance(10 * MINUTE, clock, sits_out=sits_out)
    while tried(allowed, clock, TransientError("no answer"), took=took):
        assert clock.monotonic() <= 10 * MINUTE + took
    assert clock.monotonic() <= 10 * MINUTE + took * (1 + sits_out)


def test_a_call_that_is_never_given_up_is_tried_for_ever() -> None:
    clock = HandClock()
    allowed = Allowance(None, clock, sits_out=False)
    assert all(tried(allowed, clock, TransientError("503"), took=HANGS) for _ in range(999))


@pytest.mark.parametrize("used", [0.0, 9 * MINUTE, 10 * MINUTE - 1])
def test_a_call_that_hung_into_an_outage_waits_for_its_end_and_has_time_after_it(
    used: float,
) -> None:
    clock = HandClock()
    allowed = Allowance(10 * MINUTE, clock, sits_out=True)
    clock.advance(used)
    began = clock.now()
    assert tried(allowed, clock, TransientError("no answer"), took=HANGS)
    for _ in range(240):
        assert tried(allowed, clock, AwayError("Argo CD", began), took=0.0)
    over = clock.monotonic()
    while tried(allowed, clock, TransientError("503"), took=0.0):
        pass
    left = 10 * MINUTE - used
    assert max(2 * MINUTE, left - HANGS - PAUSE) <= clock.monotonic() - over
    assert clock.monotonic() - over <= max(2 * MINUTE, left)


@pytest.mark.parametrize("away", [1, 3, 40])
def test_a_neighbour_that_comes_and_goes_puts_the_end_of_no_call_off_for_ever(away: int) -> None:
    clock = HandClock()
    allowed = Allowance(10 * MINUTE, clock, sits_out=True)
    there, going = 0.0, True
    while going:
        began = clock.now()
        going = tried(allowed, clock, TransientError("no answer"), took=HANGS)
        there += HANGS
        for _ in range(away if going else 0):
            assert tried(allowed, clock, AwayError("Argo CD", began), took=0.0)
        assert there < 18 * MINUTE


def test_a_neighbour_is_left_alone_for_as_long_as_it_asks_where_time_is_left_after_it() -> None:
    clock = HandClock()
    allowed = Allowance(10 * MINUTE, clock, sits_out=True)
    allowed.begins()
    asked = 9 * MINUTE
    assert allowed.wait(asked, TransientError("Argo CD: 429", retry_after=asked)) == asked


@pytest.mark.parametrize("asked", [10 * MINUTE, 60 * MINUTE])
def test_one_that_asks_for_more_than_there_is_time_is_asked_every_half_a_minute(
    asked: float,
) -> None:
    clock = HandClock()
    allowed = Allowance(10 * MINUTE, clock, sits_out=True)
    limited = TransientError("Argo CD: 429", retry_after=asked)
    waits = []
    allowed.begins()
    while (wait := allowed.wait(asked, limited)) is not None:
        waits.append(wait)
        clock.advance(wait)
        allowed.begins()
    assert waits == [30.0] * 20
    assert clock.monotonic() == 10 * MINUTE


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
    later = clock.now() + timedelta(seconds=30)
    assert outages.spans("main", later, deploying=True) == [Span(START, later)]


def test_a_deletion_depends_on_its_argo_cd_alone() -> None:
    gitlab, argocd = Presence(Vendor.GITLAB, "GitLab"), Presence(Vendor.ARGOCD, "A", server="main")
    outages = Outages([gitlab, argocd])
    for second in (0, 6, 12):
        gitlab.missed(START, START + timedelta(seconds=second))
    assert not outages.spans("main", START, deploying=False)
    gitlab.answered(START + timedelta(seconds=20))
    over = [Span(START, START + timedelta(seconds=20))]
    assert outages.spans("main", START + timedelta(hours=1), deploying=True) == over
