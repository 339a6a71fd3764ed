"""The gateway against the stand-in, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

import pytest

from qbot.domain.health import AppState, Ready, Verdict, verdict
from qbot.domain.names import BASE, ServiceName
from qbot.domain.services import Image
from qbot.errors import PermanentError, TransientError, UserError
from qbot.gateways.argocd.gateway import ArgoCDGateway
from qbot.sandbox.argocd import TOKEN
from tests.gateways.argocd.world import (
    BASE_REPO,
    CART,
    ENV,
    NAME,
    OP,
    SERVICE,
    environment,
    gateway,
    plan,
    until,
)
from tests.sandbox.argocd.world import CONFIG, Argo, chart, job, running


@pytest.fixture
async def argo() -> AsyncIterator[Argo]:
    async with running() as world:
        yield world


@pytest.fixture
async def argocd(argo: Argo) -> AsyncIterator[ArgoCDGateway]:
    async with gateway(str(argo.client.base_url), token=TOKEN) as opened:
        yield opened


async def until_ready(argocd: ArgoCDGateway, service: ServiceName, wanted: str) -> AppState:
    async with asyncio.timeout(20), aclosing(argocd.watch(ENV)) as changes:
        async for states in changes:
            if service in states and isinstance(judge(states[service], wanted), Ready):
                return states[service]
    raise AssertionError


async def gone(argocd: ArgoCDGateway, service: ServiceName) -> bool:
    return await argocd.read(ENV, service) is None


def judge(state: AppState, wanted: str) -> Verdict:
    return verdict(state, wanted=wanted, since=None)


async def foundation(argocd: ArgoCDGateway) -> None:
    await argocd.ensure_project(ENV, [SERVICE])
    await argocd.ensure_base(ENV, op=OP)
    await until_ready(argocd, BASE, "")


async def create(argocd: ArgoCDGateway, sha: str) -> None:
    await foundation(argocd)
    await argocd.ensure_application(ENV, SERVICE, plan(sha), op=OP, validate=True)


async def test_an_environment_comes_up_and_goes(argo: Argo, argocd: ArgoCDGateway) -> None:
    sha = argo.cart.branches["main"]
    await create(argocd, sha)
    await until_ready(argocd, CART, sha)
    assert set(await argocd.survey(ENV)) == {BASE, CART}
    found = await argocd.read(ENV, CART)
    assert found is not None
    assert judge(found, sha) == Ready()
    for service in (CART, BASE):
        await argocd.delete_application(ENV, service)
        await until(partial(gone, argocd, service))
    await argocd.delete_project(ENV)
    assert not await argocd.project_exists(ENV)
    state = argo.standin.state()
    assert (state["applications"], state["projects"], state["namespaces"]) == ([], [], [])
    assert await argocd.survey(ENV) == {}


async def test_a_chart_may_take_the_tag_from_values(argo: Argo, argocd: ArgoCDGateway) -> None:
    sha = argo.cart.branches["main"]
    service = replace(SERVICE, image=Image("registry/cart", "v-{short_sha}", "", "image.tag"))
    await foundation(argocd)
    await argocd.ensure_application(ENV, service, plan(sha), op=OP, validate=True)
    await until_ready(argocd, CART, sha)
    (images,) = [a["images"] for a in argo.standin.state()["applications"] if a["name"] == NAME]
    assert [image.rpartition(":")[2] for image in images] == [f"v-{sha[:8]}"]


async def test_everything_may_be_asked_for_twice(argo: Argo, argocd: ArgoCDGateway) -> None:
    sha = argo.cart.branches["main"]
    for _ in range(2):
        await create(argocd, sha)
    await until_ready(argocd, CART, sha)
    for _ in range(2):
        await argocd.delete_application(ENV, CART)
        await argocd.terminate(ENV, CART)


async def test_a_new_commit_moves_the_application(argo: Argo, argocd: ArgoCDGateway) -> None:
    first = argo.cart.branches["main"]
    await create(argocd, first)
    await until_ready(argocd, CART, first)
    files = argo.cart.commits[first]
    second = argo.cart.write("main", {**files, "src/x.py": "1"})
    state = await argocd.ensure_application(ENV, SERVICE, plan(second), op=OP, validate=False)
    assert state.wanted == second
    await until_ready(argocd, CART, second)


async def test_annotations_of_others_do_not_stop_an_update(
    argo: Argo, argocd: ArgoCDGateway
) -> None:
    sha = argo.cart.branches["main"]
    await create(argocd, sha)
    patch = '{"metadata": {"annotations": {"notified.notifications.argoproj.io": "{}"}}}'
    body = {"patch": patch, "patchType": "merge", "project": "qbot-x"}
    await argo.client.patch(f"/api/v1/applications/{NAME}", json=body)
    await argocd.ensure_application(ENV, SERVICE, plan(sha), op=OP, validate=False)
    app = argo.app(NAME)
    assert "notified.notifications.argoproj.io" in app["metadata"]["annotations"]
    assert app["metadata"]["finalizers"]


async def test_a_foreign_application_is_neither_updated_nor_deleted(
    argo: Argo, argocd: ArgoCDGateway
) -> None:
    sha = argo.cart.branches["main"]
    await create(argocd, sha)
    stranger = environment(env_id="f" * 16)
    with pytest.raises(PermanentError, match="not this environment's"):
        await argocd.ensure_application(stranger, SERVICE, plan(sha), op=OP, validate=False)
    with pytest.raises(PermanentError, match="not this environment's"):
        await argocd.delete_application(stranger, CART)
    with pytest.raises(PermanentError, match="not this environment's"):
        await argocd.ensure_project(stranger, [SERVICE])
    with pytest.raises(PermanentError, match="not this environment's"):
        await argocd.delete_project(stranger)
    assert argo.app(NAME)["metadata"]["labels"]["qbot.dev/env"] == ENV.id


async def test_a_project_takes_new_sources_in(argo: Argo, argocd: ArgoCDGateway) -> None:
    await argocd.ensure_project(ENV, [])
    await argocd.ensure_project(ENV, [SERVICE])
    spec = argo.standin.projects.objects["qbot-x"]["spec"]
    assert spec["sourceRepos"] == sorted([SERVICE.repo_url, BASE_REPO])


async def test_an_identical_create_of_a_dying_application_is_not_taken_for_success(
    argo: Argo, argocd: ArgoCDGateway
) -> None:
    sha = argo.cart.write("main", chart(config=CONFIG, hook=job("undo", "PreDelete")))
    await create(argocd, sha)
    await argo.drive.post("/drive/app", json={"name": NAME, "hook": "undo", "phase": "Running"})
    await argocd.delete_application(ENV, CART)
    with pytest.raises(TransientError, match="still being deleted"):
        await argocd.ensure_application(ENV, SERVICE, plan(sha), op=OP, validate=False)


async def test_a_refused_chart_is_the_persons_matter(argo: Argo, argocd: ArgoCDGateway) -> None:
    await foundation(argocd)
    with pytest.raises(UserError, match="Argo CD refuses qbot-x-cart"):
        await argocd.ensure_application(
            ENV, replace(SERVICE, chart="nowhere"), plan(argo.cart.branches["main"]), op=OP,
            validate=True,
        )  # fmt: skip


async def test_a_project_with_applications_is_not_deleted(
    argo: Argo, argocd: ArgoCDGateway
) -> None:
    await create(argocd, argo.cart.branches["main"])
    with pytest.raises(TransientError, match="referenced by"):
        await argocd.delete_project(ENV)


async def test_an_application_of_a_project_not_yet_seen_waits_for_it(argo: Argo) -> None:
    async with running(visibility_lag=0.02) as world:
        async with gateway(str(world.client.base_url), token=TOKEN) as argocd:
            await argocd.ensure_project(ENV, [SERVICE])
            await argocd.ensure_base(ENV, op=OP)
        assert world.app("qbot-x-base")


async def test_a_sync_carries_the_operation_and_no_revision(
    argo: Argo, argocd: ArgoCDGateway
) -> None:
    sha = argo.cart.branches["main"]
    await create(argocd, sha)
    await until_ready(argocd, CART, sha)
    await argocd.sync(ENV, CART, op=OP, prune=True, dry_run=False)
    async with asyncio.timeout(20), aclosing(argocd.watch(ENV)) as changes:
        async for states in changes:
            if states[CART].info == OP and judge(states[CART], sha) == Ready():
                break


async def test_a_second_sync_at_once_is_told_to_wait(argo: Argo, argocd: ArgoCDGateway) -> None:
    sha = argo.cart.write("main", chart(config=CONFIG, hook=job("slow", "PreSync")))
    await argo.drive.post("/drive/app", json={"name": NAME, "hook": "slow", "phase": "Running"})
    await create(argocd, sha)
    async with asyncio.timeout(20), aclosing(argocd.watch(ENV)) as changes:
        async for states in changes:
            if CART in states and states[CART].waits_for.startswith("hook"):
                break
    assert states[CART].waits_for == "hook Job/cart-slow"
    with pytest.raises(TransientError, match="another operation is already in progress"):
        await argocd.sync(ENV, CART, op=OP, prune=False, dry_run=False)
    await argocd.terminate(ENV, CART)


async def test_a_deletion_hook_that_hangs_is_named(argo: Argo, argocd: ArgoCDGateway) -> None:
    sha = argo.cart.write("main", chart(config=CONFIG, hook=job("undo", "PreDelete")))
    await create(argocd, sha)
    await argo.drive.post("/drive/app", json={"name": NAME, "hook": "undo", "phase": "Running"})
    await until_ready(argocd, CART, sha)
    await argocd.delete_application(ENV, CART)

    async def named() -> str:
        waits_for = (await argocd.survey(ENV))[CART].waits_for
        return waits_for if "Job/" in waits_for else ""

    assert await until(named) == "PreDelete hooks: Job/cart-undo"


async def test_what_goes_and_takes_no_other_deletion_is_left_to_go(
    argo: Argo, argocd: ArgoCDGateway
) -> None:
    sha = argo.cart.write("main", chart(config=CONFIG, hook=job("undo", "PostDelete")))
    await create(argocd, sha)
    await argo.drive.post("/drive/app", json={"name": NAME, "hook": "undo", "phase": "Running"})
    await until_ready(argocd, CART, sha)
    assert await argocd.delete_application(ENV, CART)

    async def in_its_last_hooks() -> bool:
        return (await argocd.survey(ENV))[CART].waits_for == "PostDelete hooks: Job/cart-undo"

    await until(in_its_last_hooks)
    assert not await argocd.delete_application(ENV, CART)
    assert argo.app(NAME)


async def test_a_hard_refresh_compares_again(argo: Argo, argocd: ArgoCDGateway) -> None:
    await create(argocd, argo.cart.branches["main"])
    await argocd.refresh(ENV, CART)


async def test_absence_is_an_answer(argo: Argo, argocd: ArgoCDGateway) -> None:
    assert await argocd.read(ENV, CART) is None
    assert not await argocd.project_exists(ENV)
    await argocd.delete_application(ENV, CART)
    await argocd.delete_project(ENV)
    await argocd.terminate(ENV, CART)


async def test_a_failing_service_is_counted_for_its_environment(
    argo: Argo, argocd: ArgoCDGateway
) -> None:
    await foundation(argocd)
    assert await argocd.failing([ENV.id, environment("y", env_id="e0a1b2c3d4e5f608").id]) == {}
