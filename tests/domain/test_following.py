"""Which services a push has left behind, and when they may move."""

from datetime import timedelta
from itertools import product

import pytest

from qbot.domain.branches import BranchFact, NewerState, Tip
from qbot.domain.environment import Environment, Phase
from qbot.domain.following import PIPELINE_MADE_WITHIN, behind, judge, may_run
from qbot.domain.names import BranchName, EnvId, EnvName, ProjectPath, ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import Build, Service, ServicePlan, Source
from tests.clocks import START

X = BranchName("feat/x")
OLD, NEW = "1" * 40, "2" * 40
CATALOG = {
    ServiceName(name): Service(ServiceName(name), ProjectPath(f"shop/{name}"), "", "main")
    for name in ("cart", "orders")
}


def plan(source: Source = Source.BRANCH, build: Build = Build.PASSED) -> ServicePlan:
    return ServicePlan(ServiceName("cart"), source, X, OLD, build)


def env(*plans: ServicePlan) -> Environment:
    owner = Actor("T1", "UANA")
    return Environment(EnvId("e1"), EnvName("qbot-x"), X, owner, Phase.READY, START, plans=plans)


def tip(sha: str = NEW, service: str = "cart") -> Tip:
    return Tip(BranchFact(ProjectPath(f"shop/{service}"), X, sha, START), "ben")


@pytest.mark.parametrize("source", list(Source))
def test_only_what_follows_the_branch_or_could_is_behind(source: Source) -> None:
    found = behind(env(plan(source)), CATALOG, [tip(), tip(service="orders")])
    moves = source in (Source.BRANCH, Source.DEFAULT, Source.FROM)
    assert [b.commit for b in found] == ([("shop/cart", NEW)] if moves else [])


def test_what_runs_already_or_is_not_in_the_catalog_is_not_behind() -> None:
    assert behind(env(plan()), CATALOG, [tip(OLD)]) == ()
    assert behind(env(plan()), {}, [tip()]) == ()
    assert behind(env(plan()), CATALOG, []) == ()


@pytest.mark.parametrize(("build", "before", "wait"), list(product(Build, Build, (True, False))))
def test_a_commit_may_run_once_its_pipeline_is_over_or_there_is_none(
    build: Build, before: Build, wait: bool
) -> None:
    early, late = START, START + PIPELINE_MADE_WITHIN
    answers = [may_run(build, plan(build=before), START, now, wait=wait) for now in (early, late)]
    if not wait:
        assert answers == [True, True]
    elif build in (Build.RUNNING, Build.FAILED):
        assert answers == [False, False]
    elif build is Build.NONE and before not in (Build.NONE, Build.UNKNOWN):
        assert answers == [False, True]
    else:
        assert answers == [True, True]


@pytest.mark.parametrize(("build", "locked"), list(product(Build, (True, False))))
def test_what_does_not_move_is_said_with_the_reason(build: Build, locked: bool) -> None:
    found = behind(env(plan()), CATALOG, [tip()])
    now = START + timedelta(hours=1)
    builds = {one.commit: build for one in found}
    verdict = judge(found, builds, now, wait=True, locked=locked)
    waits = build in (Build.RUNNING, Build.FAILED)
    assert verdict.moving == (() if waits or locked else found)
    states = [newer.state for newer in verdict.newer]
    if waits:
        failed = build is Build.FAILED
        assert states == [NewerState.BUILD_FAILED if failed else NewerState.BUILDING]
    else:
        assert states == ([NewerState.LOCKED] if locked else [])
