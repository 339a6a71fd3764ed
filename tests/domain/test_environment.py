"""The moves of an environment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.environment import Environment, Phase
from qbot.domain.names import BranchName, EnvId, EnvName, ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import ServicePlan, Source
from tests.clocks import START

CART = ServiceName("cart")
PLAN = ServicePlan(CART, Source.BRANCH, "feat/x", "0123456789" * 4)
ENV = Environment(
    id=EnvId("e00000000000c"),
    name=EnvName("qbot-x"),
    branch=BranchName("x"),
    owner=Actor("T1", "U1"),
    phase=Phase.CREATING,
    created_at=START,
    plans=(PLAN,),
)
phases = st.lists(st.sampled_from(Phase), max_size=20)


def walk(steps: list[Phase]) -> list[Phase]:
    """The phases that it really went through; refused moves leave it where it is."""
    env, seen = ENV, [ENV.phase]
    for phase in steps:
        try:
            env = env.advance(phase)
        except ValueError:
            continue
        seen.append(env.phase)
    return seen


@given(phases)
def test_what_is_deleted_stays_deleted(steps: list[Phase]) -> None:
    seen = walk(steps)
    if Phase.DELETED in seen:
        assert set(seen[seen.index(Phase.DELETED) :]) == {Phase.DELETED}


@given(phases)
def test_it_is_created_once_and_what_is_being_deleted_never_comes_back(steps: list[Phase]) -> None:
    seen = walk(steps)
    left = next((n for n, p in enumerate(seen) if p is not Phase.CREATING), len(seen))
    assert Phase.CREATING not in seen[left:]
    if Phase.DELETING in seen:
        after = set(seen[seen.index(Phase.DELETING) :])
        assert after <= {Phase.DELETING, Phase.STUCK, Phase.DELETED}


@given(phases)
def test_a_living_environment_can_always_be_deleted(steps: list[Phase]) -> None:
    last = walk(steps)[-1]
    assert last is Phase.DELETED or Phase.DELETING in walk([*steps, Phase.DELETING])


@given(phases)
def test_only_its_phase_changes(steps: list[Phase]) -> None:
    env = ENV
    for phase in steps:
        try:
            env = env.advance(phase)
        except ValueError:
            continue
    assert env.plans == ENV.plans
    assert (env.id, env.name, env.branch) == (ENV.id, ENV.name, ENV.branch)


def test_a_move_that_cannot_be_names_both_ends() -> None:
    with pytest.raises(ValueError, match="qbot-x cannot go from creating to stuck"):
        ENV.advance(Phase.STUCK)


def test_only_what_is_deleted_frees_its_branch() -> None:
    assert [p for p in Phase if not p.alive] == [Phase.DELETED]


def test_it_knows_the_plans_applications_and_shard_that_follow_from_it() -> None:
    assert ENV.plan_of(CART) == PLAN
    assert ENV.plan_of(ServiceName("web")) is None
    assert ENV.app(CART) == "qbot-x-cart"
    assert ENV.shard == 12
    assert PLAN.short_sha == "01234567"
