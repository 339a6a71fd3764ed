"""What a deleted environment comes back as, and what is against it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.bringing_back import (
    Deleted,
    as_before,
    as_it_ran,
    ensure_restorable,
    in_time,
    still_here,
)
from qbot.domain.environment import Environment, Phase, ReadySet
from qbot.domain.names import BranchName, EnvId, EnvName, ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import FOLLOWING, Build, ServicePlan, Source
from qbot.errors import UserError
from tests.clocks import START

ANA, BEN = Actor("T1", "UANA"), Actor("T1", "UBEN")
WEEK = timedelta(days=7)
CART, WEB = ServiceName("cart"), ServiceName("web")
PLAN = ServicePlan(CART, Source.BRANCH, "feat/x", "a" * 40)
ENV = Environment(
    EnvId("e000000000001"), EnvName("qbot-x"), BranchName("feat/x"), ANA, Phase.DELETED, START,
    plans=(PLAN, replace(PLAN, service=WEB)),
)  # fmt: skip
GONE = Deleted(ENV, START, BEN)

SHAS = st.sampled_from(["a" * 40, "b" * 40])
PLANS = st.builds(
    ServicePlan, st.just(CART), st.sampled_from(Source), st.just("feat/x"), SHAS,
    by=st.sampled_from([None, BEN]), gone=st.booleans(), image=st.sampled_from(["", "1.4"]),
)  # fmt: skip


@given(PLANS, st.none() | SHAS)
def test_the_version_is_always_the_same(plan: ServicePlan, tip: str | None) -> None:
    back = as_before(plan, tip=tip, by=ANA)
    assert back.runs_as(plan)
    assert (back.service, back.ref) == (plan.service, plan.ref)
    if plan.source not in FOLLOWING:
        assert back == plan
        return
    assert back.gone is (tip is None)
    assert (back.source is Source.BRANCH) == (tip == plan.sha)
    assert (back.by is None) == (back.source is Source.BRANCH)


def test_whoever_put_it_back_before_is_still_named() -> None:
    put_back = replace(PLAN, source=Source.PINNED, by=BEN)
    assert as_before(put_back, tip="c" * 40, by=ANA).by == BEN
    assert as_before(PLAN, tip="c" * 40, by=ANA).by == ANA


def test_only_what_never_ran_is_taken_from_what_was_ready() -> None:
    before = ReadySet(1, START, (replace(PLAN, sha="0" * 40),))
    newest = ReadySet(2, START, (replace(PLAN, sha="1" * 40),))
    for build in Build:
        (found,) = as_it_ran([replace(PLAN, build=build)], [newest, before])
        assert found.sha == ("1" * 40 if build is Build.FAILED else PLAN.sha)
    failed = replace(PLAN, build=Build.FAILED)
    assert as_it_ran([failed], []) == (failed,)


@given(st.integers(0, 10**6))
def test_it_can_be_asked_for_up_to_the_last_moment_and_never_later(seconds: int) -> None:
    assert in_time(GONE, WEEK, START + timedelta(seconds=seconds)) == (seconds <= 604_800)


@pytest.mark.parametrize(
    ("deleted", "known", "later", "said"),
    [
        (GONE, {CART, WEB}, WEEK + timedelta(seconds=1), "was deleted too long ago"),
        (replace(GONE, environment=replace(ENV, plans=())), {CART}, WEEK, "before it was known"),
        (GONE, {WEB}, WEEK, "no longer has `cart`, which it ran"),
        (GONE, set[ServiceName](), WEEK, "no longer has `cart`, `web`, which it ran"),
    ],
)
def test_what_is_against_it_has_a_way_on(
    deleted: Deleted, known: set[ServiceName], later: timedelta, said: str
) -> None:
    with pytest.raises(UserError, match=said) as found:
        ensure_restorable(deleted, known, WEEK, START + later)
    assert "`create feat/x` makes a new one" in found.value.hint
    ensure_restorable(GONE, {CART, WEB}, WEEK, START + WEEK)


@pytest.mark.parametrize("phase", [p for p in Phase if p.alive])
def test_what_lives_is_never_restored(phase: Phase) -> None:
    error = still_here(replace(ENV, phase=phase))
    going = {
        Phase.CREATING: "is being made already",
        Phase.DELETING: "still being deleted",
        Phase.STUCK: "not fully deleted",
    }
    assert going.get(phase, "only what was deleted") in str(error)
    assert error.hint
