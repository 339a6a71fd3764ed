"""Extending, pinning and handing over: pure moves, each with what it does the second time."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.environment import LEFT, Environment, Phase, Pin
from qbot.domain.lifetime import (
    STAYING,
    extended,
    moment_of,
    pinned,
    settled,
    term_of,
    transferred,
    unpinned,
    within,
)
from qbot.domain.names import BranchName, EnvId, EnvName
from qbot.domain.people import Actor
from qbot.errors import UserError
from tests.clocks import START

ANA, BEN = Actor("T1", "UANA"), Actor("T1", "UBEN")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


def living(ends: timedelta | None = 2 * DAY, pin: Pin | None = None) -> Environment:
    return Environment(
        EnvId("e000000000001"), EnvName("qbot-a"), BranchName("feat/a"), ANA, Phase.READY, START,
        expires_at=START + ends if ends else None, pin=pin,
    )  # fmt: skip


def pin(until: timedelta | None = None, by: Actor = ANA, why: str = "") -> Pin:
    return Pin(by, START, START + until if until else None, why)


def test_it_is_extended_from_its_end_or_from_now_where_that_is_over() -> None:
    env = living(2 * DAY)
    assert extended(env, DAY, now=START + HOUR).after.ends_at == START + 3 * DAY
    assert extended(env, DAY, now=START + 9 * DAY).after.ends_at == START + 10 * DAY


def test_the_longest_lifetime_cuts_and_then_refuses_naming_its_key() -> None:
    moved = extended(living(2 * DAY), 4 * DAY, now=START, most=3 * DAY)
    assert (moved.after.ends_at, moved.capped) == (START + 3 * DAY, True)
    exact = extended(living(2 * DAY), DAY, now=START, most=3 * DAY)
    assert not exact.capped
    with pytest.raises(UserError, match=r"environments\.max_ttl"):
        extended(exact.after, HOUR, now=START, most=3 * DAY)
    with pytest.raises(UserError, match=r"environments\.max_ttl"):
        extended(living(2 * DAY), HOUR, now=START + 5 * DAY, most=3 * DAY)


def test_what_has_no_end_is_not_extended() -> None:
    assert not extended(living(None), DAY, now=START).changed
    assert not extended(living(DAY, pin()), DAY, now=START).changed


def test_what_has_no_end_has_the_longest_lifetime_too_but_for_a_pin() -> None:
    late = START + 4 * DAY
    assert not extended(living(None), DAY, now=START + DAY, most=3 * DAY).changed
    with pytest.raises(UserError, match=r"environments\.max_ttl"):
        extended(living(None), DAY, now=late, most=3 * DAY)
    assert not extended(living(None, pin()), DAY, now=late, most=3 * DAY).changed


def test_a_pin_has_no_end_and_gives_it_back_with_a_day_at_least() -> None:
    env = pinned(living(2 * HOUR), pin(), now=START).after
    assert env.ends_at is None
    assert env.pinned_at(START + 400 * DAY) == pin()
    early = unpinned(env, now=START + HOUR).after
    assert (early.pin, early.ends_at) == (None, START + HOUR + LEFT)
    env = pinned(living(9 * DAY), pin(), now=START).after
    assert unpinned(env, now=START + HOUR).after.ends_at == START + 9 * DAY


def test_a_pin_until_a_moment_ends_by_itself_a_day_before_the_environment_may() -> None:
    env = pinned(living(DAY), pin(5 * DAY), now=START).after
    assert env.ends_at == START + 5 * DAY + LEFT
    assert env.pinned_at(START + 5 * DAY) is None
    assert settled(env, START + 5 * DAY) == replace(
        env, pin=None, expires_at=START + 5 * DAY + LEFT
    )
    assert settled(env, START + 4 * DAY) == env
    late = START + 5 * DAY + HOUR
    assert not unpinned(env, now=late).changed
    more = extended(env, DAY, now=late).after
    assert (more.pin, more.ends_at) == (None, START + 6 * DAY + DAY)


def test_pinning_twice_is_harmless_and_the_newer_pin_counts() -> None:
    env = pinned(living(), pin(DAY, why="demo"), now=START).after
    assert not pinned(env, pin(DAY, BEN, "demo"), now=START).changed
    other = pinned(env, pin(2 * DAY, BEN, "demo"), now=START)
    assert other.changed
    assert other.after.pin == pin(2 * DAY, BEN, "demo")
    assert not unpinned(living(), now=START).changed


def test_whose_it_is_changes_once() -> None:
    assert transferred(living(), BEN).after.owner == BEN
    assert not transferred(living(), ANA).changed


def test_what_goes_stays_as_it_is() -> None:
    assert frozenset(Phase) - STAYING == {Phase.DELETING, Phase.STUCK, Phase.DELETED}


def test_a_lifetime_that_is_asked_for_is_within_the_longest() -> None:
    assert within(None, DAY) is None
    assert within(DAY, DAY) == DAY
    assert within(9 * DAY, None) == 9 * DAY
    with pytest.raises(UserError, match=r"environments\.max_ttl"):
        within(DAY + HOUR, DAY)


def test_a_moment_is_in_the_installations_zone_and_not_past() -> None:
    assert moment_of(None, now=START, zone=BERLIN) is None
    assert moment_of(HOUR, now=START, zone=BERLIN) == START + HOUR
    there = datetime(START.year + 1, 7, 1, 12)  # noqa: DTZ001  (as it is typed)
    assert moment_of(there, now=START, zone=BERLIN) == there.replace(tzinfo=BERLIN)
    with pytest.raises(UserError, match="past"):
        moment_of(datetime(2001, 1, 1), now=START, zone=BERLIN)  # noqa: DTZ001  (as it is typed)


spans = st.integers(1, 60 * 24 * 30).map(lambda m: timedelta(minutes=m))
moves = st.lists(
    st.one_of(
        st.tuples(st.just("extend"), spans),
        st.tuples(st.just("pin"), spans | st.none()),
        st.tuples(st.just("unpin"), st.none()),
        st.tuples(st.just("wait"), spans),
    ),
    max_size=8,
)


@given(spans, moves)
def test_nothing_that_keeps_it_ever_brings_its_end_nearer(
    ends: timedelta, steps: list[tuple[str, timedelta | None]]
) -> None:
    env, now, was_pinned = living(ends), START, False
    for what, span in steps:
        before, was_pinned = env.ends_at, env.pinned_at(now) is not None
        if what == "wait":
            now += span or HOUR
            continue
        if what == "extend":
            env = extended(env, span or HOUR, now=now).after
        elif what == "pin":
            env = pinned(env, Pin(ANA, now, now + span if span else None), now=now).after
        else:
            env = unpinned(env, now=now).after
        if was_pinned and what != "extend":  # a pin is replaced or taken off
            assert env.ends_at is None or env.ends_at >= now + LEFT
        else:
            assert env.ends_at is None or (before is not None and env.ends_at >= before)
        assert term_of(env).ends_at == env.ends_at
