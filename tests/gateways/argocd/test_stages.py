"""The stages' Applications against the stand-in, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from qbot.domain.health import Ready, verdict
from qbot.domain.names import AppName
from qbot.domain.release_ports import StageApp
from qbot.domain.stages import Applications
from qbot.errors import PermanentError, TransientError
from qbot.gateways.argocd.stages import StageGateway
from qbot.sandbox.shop.stage_texts import chart_files
from tests.gateways.argocd.shop_stages import (
    CART,
    CART_APP,
    CATALOG,
    CHLOE,
    PATTERN,
    SELECTOR,
    ShopStages,
    shop_stages,
)
from tests.gateways.argocd.world import OP, until

BOTH = pytest.mark.parametrize("by", [PATTERN, SELECTOR], ids=["pattern", "selector"])
HOOK_OF_CATALOG = "db-migrate"


@pytest.fixture
async def shop() -> AsyncIterator[ShopStages]:
    async with shop_stages() as world:
        yield world
        refused = world.sandbox.kernel.calls.refused
        assert not [each for each in refused if each.startswith("argocd")], refused


async def cart(shop: ShopStages) -> StageApp:
    found = await shop.gateway.read(shop.stage, CART_APP)
    assert found is not None
    return found


async def seen(shop: ShopStages, true: Callable[[StageApp], bool]) -> StageApp:
    """The cart, once the live view says this of it."""
    async with asyncio.timeout(20), aclosing(shop.gateway.watch(shop.stage)) as changes:
        async for apps in changes:
            if CART in apps and true(apps[CART]):
                return apps[CART]
    raise AssertionError


@BOTH
async def test_a_survey_names_every_service_with_its_images_and_their_age(
    shop: ShopStages, by: Applications
) -> None:
    found = await shop.gateway.survey(shop.by(by))
    assert found.keys() == set(shop.stage.services)
    assert {str(app.state.name) for app in found.values()} == {f"production-{s}" for s in found}
    one = found[CART]
    assert one.images[0].startswith("registry.example/shop/cart:")
    assert one.since is not None
    assert (one.state.env, one.state.service) == ("", CART)
    assert verdict(one.state, wanted=shop.revision, since=None) == Ready()


async def test_a_selected_survey_is_one_call(shop: ShopStages) -> None:
    shop.forget_calls()
    await shop.gateway.survey(shop.by(SELECTOR))
    assert shop.calls == ["GET /api/v1/applications"]


async def test_where_names_count_the_projects_are_found_out_once(shop: ShopStages) -> None:
    shop.forget_calls()
    for _ in range(3):
        await shop.gateway.survey(shop.stage)
    assert len(shop.calls) == 1 + 3
    queries = [str(c["path"]) for c in shop.sandbox.kernel.calls.select(vendor="argocd")]
    assert all("projects=production" in query for query in queries[1:])
    assert all("selector=%21qbot.dev%2Fmanaged" in query for query in queries)


async def test_two_applications_of_one_service_are_refused(shop: ShopStages) -> None:
    wide = Applications(selector="app.kubernetes.io/part-of=shop", label="service")
    with pytest.raises(PermanentError, match=r"both Applications production-\w+ and staging-"):
        await shop.gateway.survey(shop.by(wide))


async def test_a_service_that_is_not_the_stages_is_left_out(shop: ShopStages) -> None:
    assert not (await shop.gateway.survey(shop.by(Applications(pattern="qa-{service}"))))
    other = Applications(selector="stage=production", label="app.kubernetes.io/part-of")
    assert not (await shop.gateway.survey(shop.by(other)))


async def test_a_read_is_the_truth_and_absence_an_answer(shop: ShopStages) -> None:
    assert (await cart(shop)).state.revision == shop.revision
    assert await shop.gateway.read(shop.stage, AppName("production-nothing")) is None


async def test_an_application_outside_the_stage_is_not_touched(shop: ShopStages) -> None:
    other = AppName("staging-cart")
    assert await shop.gateway.read(shop.stage, other) is None
    with pytest.raises(PermanentError, match="no Application staging-cart of the stage production"):
        await shop.gateway.sync(shop.stage, other, op=OP)
    with pytest.raises(PermanentError, match="no Application staging-cart"):
        await shop.gateway.refresh(shop.stage, other)


@pytest.mark.parametrize("hard", [False, True])
async def test_a_refresh_lets_argo_cd_see_a_new_commit(shop: ShopStages, *, hard: bool) -> None:
    sha = shop.promote("cart")
    await shop.gateway.refresh(shop.stage, CART_APP, hard=hard)
    found = await cart(shop)
    assert (found.state.revision, found.state.sync) == (sha, "OutOfSync")


async def test_a_sync_carries_the_operation_and_moves_the_images(shop: ShopStages) -> None:
    sha = shop.promote("cart")
    await shop.gateway.refresh(shop.stage, CART_APP)
    await shop.gateway.sync(shop.stage, CART_APP, op=OP)

    def deployed(app: StageApp) -> bool:
        return verdict(app.state, wanted=sha, since=None, op=OP) == Ready()

    found = await seen(shop, deployed)
    assert found.state.info == OP
    assert found.state.synced_revision == sha
    assert found.images == ("registry.example/shop/cart:" + "f" * 40,)
    assert (await cart(shop)).since is not None


def of_two_sources(shop: ShopStages) -> None:
    """The cart's chart comes from one repository, its values from the configuration's."""
    argo, gitlab = shop.sandbox.argocd, shop.sandbox.gitlab
    at, charts = shop.sandbox.kernel.clock.now(), gitlab.repositories.create("shop/charts")
    charts.write("main", chart_files(), message="Chart", author=CHLOE, at=at)
    app = argo.applications.objects[CART_APP]
    source = app["spec"]["source"]
    url = gitlab.repositories.url("shop/charts")
    helm = {**source["helm"], "valueFiles": ["$values/production/cart.yaml"]}
    sources = [
        {"repoURL": url, "targetRevision": "main", "path": ".", "helm": helm},
        {"repoURL": source["repoURL"], "targetRevision": "main", "ref": "values"},
    ]
    project = argo.projects.objects["production"]
    repos = [*project["spec"]["sourceRepos"], url]
    argo.projects.replace({**project, "spec": {**project["spec"], "sourceRepos": repos}})
    spec = {k: v for k, v in app["spec"].items() if k != "source"} | {"sources": sources}
    argo.applications.replace({**app, "spec": spec})


async def test_of_two_sources_the_configurations_is_deployed_and_followed(
    shop: ShopStages,
) -> None:
    of_two_sources(shop)
    sha = shop.promote("cart")
    await shop.gateway.refresh(shop.stage, CART_APP)
    await shop.gateway.sync(shop.stage, CART_APP, op=OP)

    def deployed(app: StageApp) -> bool:
        return verdict(app.state, wanted=sha, since=None, op=OP) == Ready()

    found = await seen(shop, deployed)
    assert (found.state.revision, found.state.synced_revision) == (sha, sha)
    assert found.images == ("registry.example/shop/cart:" + "f" * 40,)
    status = shop.sandbox.argocd.applications.objects[CART_APP]["status"]
    assert "revision" not in status["sync"]
    assert status["sync"]["revisions"][1] == sha
    assert not (await cart(shop)).strays


@pytest.mark.parametrize(
    ("policy", "option", "pruned"),
    [(None, None, False), (True, None, True), (False, None, False), (None, True, True),
     (True, False, False)],
)  # fmt: skip
async def test_a_sync_prunes_as_the_stage_says_or_else_as_the_application_does_by_itself(
    shop: ShopStages, *, policy: bool | None, option: bool | None, pruned: bool
) -> None:
    applications = shop.sandbox.argocd.applications
    app = applications.objects[CART_APP]
    automated = None if policy is None else {"enabled": False, "prune": policy}
    spec = {**app["spec"], "syncPolicy": {"automated": automated}}
    applications.replace({**app, "spec": spec})
    stage = shop.by(replace(PATTERN, prune=option))
    shop.promote("cart")
    await shop.gateway.refresh(stage, CART_APP)
    await shop.gateway.sync(stage, CART_APP, op=OP)
    asked = shop.sandbox.argocd.applications.objects[CART_APP]
    operation = asked.get("operation") or asked["status"]["operationState"]["operation"]
    assert bool(operation["sync"].get("prune")) is pruned


@BOTH
async def test_the_live_view_tells_of_the_stage_alone_and_of_each_change(
    shop: ShopStages, by: Applications
) -> None:
    stage = shop.by(by)
    async with asyncio.timeout(20), aclosing(shop.gateway.watch(stage)) as changes:
        first = await anext(changes)
        assert first.keys() == set(stage.services)
        assert all(app.state.name.startswith("production-") for app in first.values())
        assert first[CART].images
        await shop.pin(health="Degraded", message="ImagePullBackOff")
        async for apps in changes:
            if apps[CART].state.health == "Degraded":
                break
    assert "ImagePullBackOff" in apps[CART].state.waits_for


async def test_a_cut_stream_is_opened_again(shop: ShopStages) -> None:
    await shop.fault("GET /api/v1/stream/applications", "cut-stream", 2)
    await seen(shop, lambda app: app.state.health == "Healthy")
    await shop.pin(health="Degraded")
    await seen(shop, lambda app: app.state.health == "Degraded")
    assert shop.gateway.silent_since() is None


async def test_watches_of_one_stage_share_a_stream(shop: ShopStages) -> None:
    async with (
        aclosing(shop.gateway.watch(shop.stage)) as one,
        aclosing(shop.gateway.watch(shop.stage)) as other,
    ):
        assert (await anext(one)).keys() == (await anext(other)).keys()
    made = shop.sandbox.kernel.calls.select(vendor="argocd")
    assert len([c for c in made if "/stream/" in str(c["path"])]) <= 1


async def test_a_second_sync_at_once_is_told_to_wait(shop: ShopStages) -> None:
    app = AppName("production-catalog")
    await shop.drive.post(
        "/drive/app", json={"name": app, "hook": HOOK_OF_CATALOG, "phase": "Running"}
    )
    shop.promote("catalog")
    await shop.gateway.refresh(shop.stage, app)
    await shop.gateway.sync(shop.stage, app, op=OP)

    async def waits() -> bool:
        found = await shop.gateway.read(shop.stage, app)
        return found is not None and "db-migrate" in found.state.waits_for

    await until(waits)
    with pytest.raises(TransientError, match="another operation is already in progress"):
        await shop.gateway.sync(shop.stage, app, op=OP)
    assert (await shop.gateway.survey(shop.stage))[CATALOG].state.phase == "Running"


async def test_the_log_of_the_most_broken_pod_ends_with_the_reason(shop: ShopStages) -> None:
    await shop.pin(health="Degraded", message="crashed")
    await seen(shop, lambda app: app.state.health == "Degraded")
    lines = await shop.gateway.log(shop.stage, CART_APP, lines=3)
    assert len(lines) <= 3
    assert lines[-1] == "cart: error: crashed"


async def test_a_healthy_application_has_no_last_words(shop: ShopStages) -> None:
    assert await shop.gateway.log(shop.stage, CART_APP, lines=3) == ()


@pytest.mark.parametrize(("kind", "error"), [("503", TransientError), ("401", PermanentError)])
async def test_a_log_that_cannot_be_read_is_told_as_other_calls_are(
    shop: ShopStages, kind: str, error: type[Exception]
) -> None:
    await shop.pin(health="Degraded", message="crashed")
    await seen(shop, lambda app: app.state.health == "Degraded")
    await shop.fault("/logs", kind)
    with pytest.raises(error):
        await shop.gateway.log(shop.stage, CART_APP, lines=3)


def test_there_is_no_way_to_make_change_or_remove_an_application() -> None:
    public = {name for name in vars(StageGateway) if not name.startswith("_")}
    looks = {"ask", "survey", "read", "watch", "log", "silent_since", "close"}
    assert public == looks | {"refresh", "sync", "terminate"}


async def test_where_no_sync_runs_none_is_terminated(shop: ShopStages) -> None:
    await shop.gateway.terminate(shop.stage, CART_APP)
    assert (await cart(shop)).state.phase == "Succeeded"
