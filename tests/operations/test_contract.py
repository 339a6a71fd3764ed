"""The fakes promise what the gateways promise: the same checks on both."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import pytest

from qbot.domain.argocd_ports import ArgoCD
from qbot.domain.environment import Environment
from qbot.domain.health import Ready, verdict
from qbot.domain.names import BASE, BranchName, ProjectPath, ServiceName
from qbot.domain.ports import GitLab
from qbot.domain.services import Build
from qbot.errors import ForeignError, PermanentError, TransientError
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import open_gitlab
from qbot.sandbox.argocd import TOKEN
from tests.clocks import HandClock
from tests.gateways.argocd.world import CART, ENV, OP, SERVICE, environment, gateway, plan, until
from tests.operations.fakes import FakeArgoCD, FakeGitLab
from tests.sandbox.argocd.world import running
from tests.sandbox.gitlab.served import Served, serving

SHOP_CART = ProjectPath("shop/cart")
BRANCH = BranchName("feat/checkout")
STRANGER = environment(env_id="e0000000000000ff")  # the same name, another environment


@dataclass
class Argo:
    """One Argo CD and a commit that it can deploy."""

    port: ArgoCD
    sha: str

    async def foundation(self) -> None:
        await self.port.ensure_project(ENV, [SERVICE])
        await self.port.ensure_base(ENV, op=OP)
        await self.ready(BASE, "")

    async def cart(self, env: Environment = ENV) -> None:
        await self.port.ensure_application(env, SERVICE, plan(self.sha), op=OP, validate=False)

    async def ready(self, service: ServiceName, wanted: str) -> None:
        async with asyncio.timeout(5), aclosing(self.port.watch(ENV)) as changes:
            async for states in changes:
                state = states.get(service)
                if state and verdict(state, wanted=wanted, since=None) == Ready():
                    return

    async def gone(self, service: ServiceName) -> bool:
        return await self.port.read(ENV, service) is None


@pytest.fixture(params=["fake", "gateway"])
async def argo(request: pytest.FixtureRequest) -> AsyncIterator[Argo]:
    if request.param == "fake":
        yield Argo(FakeArgoCD(HandClock()), "c" * 40)
        return
    async with running() as world, gateway(str(world.client.base_url), token=TOKEN) as opened:
        yield Argo(opened, world.cart.branches["main"])


async def test_argo_cd_what_is_not_there_is_absent_and_no_error(argo: Argo) -> None:
    assert await argo.port.read(ENV, CART) is None
    assert await argo.port.survey(ENV) == {}
    assert not await argo.port.project_exists(ENV)
    assert not await argo.port.delete_application(ENV, CART)
    await argo.port.terminate(ENV, CART)
    await argo.port.delete_project(ENV)


async def test_argo_cd_an_environment_comes_up_may_be_made_twice_and_goes(argo: Argo) -> None:
    for _ in range(2):
        await argo.foundation()
        await argo.cart()
    await argo.ready(CART, argo.sha)
    assert set(await argo.port.survey(ENV)) == {BASE, CART}
    found = await argo.port.read(ENV, CART)
    assert found
    assert (found.name, found.env, found.wanted) == (ENV.app(CART), ENV.id, argo.sha)
    for service in (CART, BASE):
        assert await argo.port.delete_application(ENV, service)
        await until(partial(argo.gone, service))
    await argo.port.delete_project(ENV)
    assert await argo.port.survey(ENV) == {}
    assert not await argo.port.project_exists(ENV)


async def test_argo_cd_a_sync_that_qbot_asked_for_carries_its_operation(argo: Argo) -> None:
    await argo.foundation()
    await argo.cart()
    await argo.ready(CART, argo.sha)
    await argo.port.sync(ENV, CART, op=OP, prune=True, dry_run=False)

    async def carried() -> bool:
        state = await argo.port.read(ENV, CART)
        return state is not None and state.info == OP and state.started_at is not None

    await until(carried)


async def test_argo_cd_a_sync_of_what_is_not_there_is_refused(argo: Argo) -> None:
    await argo.foundation()
    with pytest.raises(PermanentError):
        await argo.port.sync(ENV, CART, op=OP, prune=False, dry_run=False)


async def test_argo_cd_what_belongs_to_another_environment_is_not_taken_over(argo: Argo) -> None:
    await argo.foundation()
    await argo.cart()
    with pytest.raises(PermanentError):
        await argo.cart(STRANGER)
    with pytest.raises(PermanentError):
        await argo.port.delete_application(STRANGER, CART)
    with pytest.raises(ForeignError) as refused:
        await argo.port.ensure_project(STRANGER, [SERVICE])
    assert refused.value.owner == ENV.id
    assert await argo.port.survey(STRANGER) == {}


async def test_argo_cd_a_project_in_use_is_not_deleted(argo: Argo) -> None:
    await argo.foundation()
    with pytest.raises(TransientError):
        await argo.port.delete_project(ENV)
    assert await argo.port.project_exists(ENV)


async def test_argo_cd_a_project_that_was_left_over_makes_room(argo: Argo) -> None:
    await argo.port.ensure_project(ENV, [SERVICE])
    await argo.port.delete_project(ENV)
    await argo.port.ensure_project(STRANGER, [SERVICE])
    assert await argo.port.project_exists(STRANGER)


@pytest.fixture(scope="module")
def shop() -> Iterator[Served]:
    with serving(speed=10_000.0) as made:
        yield made


@pytest.fixture(params=["fake", "gateway"])
async def gitlab(request: pytest.FixtureRequest) -> AsyncIterator[GitLab]:
    if request.param == "fake":
        fake = FakeGitLab([SHOP_CART, ProjectPath("shop/payments")])
        fake.push(SHOP_CART, BRANCH)
        yield fake
        return
    served: Served = request.getfixturevalue("shop")
    opened = open_gitlab(served.url, served.standin.token, clock=SystemClock())
    yield opened
    await opened.close()


async def test_gitlab_a_branch_is_there_or_it_is_not(gitlab: GitLab) -> None:
    heads = await gitlab.heads([SHOP_CART, ProjectPath("shop/payments")], BRANCH)
    assert heads[SHOP_CART]
    assert heads[ProjectPath("shop/payments")] is None


async def test_gitlab_a_project_that_is_not_there_is_refused(gitlab: GitLab) -> None:
    with pytest.raises(PermanentError):
        await gitlab.heads([ProjectPath("shop/nothing")], BRANCH)


async def test_gitlab_a_ref_is_a_branch_or_a_commit_or_nothing(gitlab: GitLab) -> None:
    head = (await gitlab.heads([SHOP_CART], BRANCH))[SHOP_CART]
    assert head
    for ref in (BRANCH, head.sha):
        found = await gitlab.resolve(SHOP_CART, ref)
        assert found
        assert found.sha == head.sha
    assert await gitlab.resolve(SHOP_CART, "no/such") is None


async def test_gitlab_every_commit_that_is_asked_for_has_a_build(gitlab: GitLab) -> None:
    head = (await gitlab.heads([SHOP_CART], BRANCH))[SHOP_CART]
    assert head
    builds = await gitlab.builds([(SHOP_CART, head.sha)])
    build, _ = builds[SHOP_CART, head.sha]
    assert build in set(Build)


async def test_gitlab_branch_names_are_found_by_a_part(gitlab: GitLab) -> None:
    assert BRANCH in await gitlab.branch_names([SHOP_CART], "check")
    assert await gitlab.branch_names([SHOP_CART], "no-such-part") == []
