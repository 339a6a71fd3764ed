"""Which commit of which service, for any combination of branches and wishes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import CreateInput
from qbot.domain.names import BranchName, EnvId, EnvName, ServiceName
from qbot.domain.services import Build, ServicePlan, Source
from qbot.errors import UserError
from qbot.operations.nearest import nearest
from qbot.operations.resolve import ensure_branch, resolve, resolve_again, wish
from tests.clocks import START
from tests.operations.fakes import FakeGitLab
from tests.operations.scene import ANA, catalog, project

NAMES = ("api", "cart", "orders", "users", "web")
CATALOG = catalog(*NAMES)
SERVICES = [ServiceName(n) for n in NAMES]
BRANCH = BranchName("feat/x")
some = st.sets(st.sampled_from(SERVICES))


def gitlab(having: set[ServiceName]) -> FakeGitLab:
    made = FakeGitLab([project(n) for n in NAMES])
    for service in sorted(having):
        made.push(project(service), BRANCH)
        made.push(project(service), "fix/y")
    return made


def source(services: set[ServiceName]) -> Environment:
    plans = (ServicePlan(s, Source.DEFAULT, "main", f"{9:040d}") for s in sorted(services))
    return Environment(
        EnvId("e1"), EnvName("qbot-o"), BranchName("o"), ANA, Phase.READY, START, plans=tuple(plans)
    )


@given(having=some, asked=some, pinned=some, other=some)
def test_every_service_has_one_source_and_the_most_specific_one_wins(
    having: set[ServiceName],
    asked: set[ServiceName],
    pinned: set[ServiceName],
    other: set[ServiceName],
) -> None:
    git = gitlab(having)
    overrides = tuple((s, "main") for s in sorted(pinned))
    env = source(other)
    for plan in env.plans:
        git.pipelines[plan.sha] = Build.PASSED
    create = CreateInput(BRANCH, services=tuple(sorted(asked)), overrides=overrides)
    wanted = wish(create, CATALOG, env)
    chosen = asked | pinned if asked else set(SERVICES)
    free = chosen - pinned
    if not (having & free) and not (having and pinned):
        with pytest.raises(UserError):
            asyncio.run(resolve(git, wanted))
        return
    plans = asyncio.run(resolve(git, wanted))
    assert [p.service for p in plans] == [s for s in SERVICES if s in chosen]
    assert {p.service: p.source for p in plans} == {
        s: Source.SET
        if s in pinned
        else Source.BRANCH
        if s in having
        else Source.FROM
        if s in other
        else Source.DEFAULT
        for s in chosen
    }


@given(having=some, later=some, pinned=some, refresh=st.booleans(), keep=st.booleans())
def test_a_second_resolution_moves_what_may_move_and_nothing_else(
    *,
    having: set[ServiceName],
    later: set[ServiceName],
    pinned: set[ServiceName],
    refresh: bool,
    keep: bool,
) -> None:
    git = gitlab(having)
    overrides = tuple((s, "main") for s in sorted(pinned))
    if not having:
        return
    before = asyncio.run(resolve(git, wish(CreateInput(BRANCH, (), overrides), CATALOG, None)))
    for service in sorted(later):
        git.push(project(service), BRANCH)
    for service in SERVICES:
        git.push(project(service), "main")
    after = asyncio.run(resolve_again(git, CATALOG, BRANCH, before, refresh=refresh, keep=keep))
    assert [p.service for p in after] == [p.service for p in before]
    for old, new in zip(before, after, strict=True):
        tips = git.branches[project(old.service)]
        if keep:
            assert new == old
        elif old.service in pinned:
            assert (new.source, new.sha) == (Source.SET, tips["main"].sha)
        elif old.service in later:
            assert (new.source, new.ref, new.sha) == (Source.BRANCH, BRANCH, tips[BRANCH].sha)
        elif refresh and old.source is not Source.BRANCH:
            assert new.sha == tips["main"].sha
        else:
            assert new.sha == old.sha


@given(st.sets(st.sampled_from(SERVICES), min_size=1))
def test_services_that_left_the_catalog_keep_what_they_run(left: set[ServiceName]) -> None:
    git = gitlab(set(SERVICES))
    before = asyncio.run(resolve(git, wish(CreateInput(BRANCH), CATALOG, None)))
    for service in SERVICES:
        git.push(project(service), BRANCH)
    rest = {n: s for n, s in CATALOG.items() if n not in left}
    after = asyncio.run(resolve_again(git, rest, BRANCH, before, refresh=True, keep=False))
    kept = {p.service for p, old in zip(after, before, strict=True) if p.sha == old.sha}
    assert kept == left


async def test_two_services_of_one_repository_share_its_branch() -> None:
    shared = {n: replace(s, project=project("mono")) for n, s in CATALOG.items()}
    git = FakeGitLab([project("mono")])
    sha = git.push(project("mono"), BRANCH)
    plans = await resolve(git, wish(CreateInput(BRANCH), shared, None))
    assert {p.sha for p in plans} == {sha}


async def test_the_build_of_a_default_is_not_asked_for() -> None:
    git = gitlab({ServiceName("cart")})
    red = git.branches[project("web")]["main"].sha
    git.pipelines[red] = Build.FAILED
    plans = await resolve(git, wish(CreateInput(BRANCH), CATALOG, None))
    assert {p.service: p.build for p in plans}[ServiceName("web")] is Build.NONE


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("feat/chekout", ["feat/checkout"]),
        ("feature/checkout", ["feat/checkout"]),
        ("checkout", ["feat/checkout"]),
        ("zz", []),
    ],
)
async def test_a_wrong_branch_gets_similar_ones(typed: str, found: Sequence[str]) -> None:
    git = FakeGitLab([project("cart")])
    git.push(project("cart"), "feat/checkout")
    assert await nearest(git, [project("cart")], typed) == found


async def test_who_asks_for_services_without_the_branch_is_told_where_it_is() -> None:
    git = gitlab({SERVICES[0]})
    create = CreateInput(BRANCH, (SERVICES[1],))
    with pytest.raises(UserError, match="None of the services that were asked for") as refused:
        await resolve(git, wish(create, CATALOG, None))
    assert f"It is in `{project(SERVICES[0])}`" in refused.value.hint
    with pytest.raises(UserError, match="None of the services that were asked for"):
        await ensure_branch(git, wish(create, CATALOG, None))
