"""The static stages in the whole sandbox: seeded, following their repository, synced by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from qbot.sandbox.repos import Person
from qbot.sandbox.server import Sandbox
from qbot.sandbox.shop.stages import VARIANTS, Placement, Variant
from tests.plain import NO_TLS
from tests.sandbox.argocd.world import Argo, Json, MemoryRepositories, ready, refusal, watching

CHLOE = Person("Chloe Martin", "chloe@shop.example")
NEW = "f" * 40


@dataclass
class Stages:
    """The sandbox, with what the bot and a person at the driver may say to it."""

    sandbox: Sandbox
    client: httpx.AsyncClient
    drive: httpx.AsyncClient

    def app(self, name: str) -> Json:
        return self.sandbox.argocd.applications.objects[name]

    def placement(self, name: str) -> Placement:
        return next(p for p in self.sandbox.gitlab.placements if p.application == name)

    def promote(self, name: str, version: str = NEW) -> str:
        """Commit another version where a person would; the commit."""
        placed = self.placement(name)
        repository = self.sandbox.gitlab.repositories.get(placed.project)
        assert repository is not None
        tip = repository.resolve(placed.branch)
        text = repository.read(tip or "", placed.file)
        assert text is not None
        now = self.sandbox.kernel.clock.now()
        changes = {placed.file: text.replace(placed.version, version)}
        return repository.write(placed.branch, changes, message="Move on", author=CHLOE, at=now)

    async def get(self, name: str, **query: str) -> Json:
        params = {"project": name.partition("-")[0], **query}
        response = await self.client.get(f"/api/v1/applications/{name}", params=params)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def call(self, method: str, name: str, what: str = "", **body: Any) -> httpx.Response:
        url = f"/api/v1/applications/{name}{what}"
        asked = {"project": name.partition("-")[0], **body}
        return await self.client.request(method, url, json=asked)

    async def until(self, name: str, condition: Callable[[Json], Any]) -> Json:
        async with asyncio.timeout(10):
            while True:
                if condition(app := self.app(name)):
                    return app
                await asyncio.sleep(0.002)


@asynccontextmanager
async def stages(variant: Variant = "helm", *, speed: float = 500.0) -> AsyncIterator[Stages]:
    sandbox = Sandbox(speed=speed, stages=variant, services=5)
    await sandbox.start()
    token = f"Bearer {sandbox.argocd.token}"
    headers = {"Authorization": token, "Content-Type": "application/json"}
    url = sandbox.url
    try:
        async with (
            httpx.AsyncClient(base_url=f"{url}/argocd", headers=headers, verify=NO_TLS) as client,
            httpx.AsyncClient(base_url=url, verify=NO_TLS) as drive,
        ):
            yield Stages(sandbox, client, drive)
            refused = sandbox.kernel.calls.refused
            assert not [each for each in refused if each.startswith("argocd")], refused
    finally:
        await sandbox.stop()


@pytest.fixture(params=VARIANTS)
async def variant(request: pytest.FixtureRequest) -> AsyncIterator[Stages]:
    async with stages(request.param) as world:
        yield world


@pytest.fixture
async def helm() -> AsyncIterator[Stages]:
    async with stages() as world:
        yield world


def images(app: Json) -> list[str]:
    found: list[str] = app["status"]["summary"]["images"]
    return found


def synced_to(revision: str) -> Callable[[Json], bool]:
    def check(app: Json) -> bool:
        result = (app["status"].get("operationState") or {}).get("syncResult") or {}
        return ready(app) and result.get("revision") == revision

    return check


async def test_both_stages_are_deployed_from_the_start(variant: Stages) -> None:
    response = await variant.client.get("/api/v1/applications")
    apps = {each["metadata"]["name"]: each for each in response.json()["items"]}
    assert apps.keys() == {p.application for p in variant.sandbox.gitlab.placements}
    for placed in variant.sandbox.gitlab.placements:
        app = apps[placed.application]
        assert ready(app), placed.application
        assert images(app) == [placed.image]
        assert app["status"]["sync"]["revision"] == placed.revision
        assert app["status"]["operationState"]["syncResult"]["revision"] == placed.revision
        assert app["spec"]["destination"]["namespace"] == app["spec"]["project"] == placed.stage
        assert ("automated" in app["spec"].get("syncPolicy", {})) is (placed.stage == "staging")
        assert len(app["status"]["history"]) == 1


async def test_lists_are_narrowed_by_project_and_by_label(helm: Stages) -> None:
    for query in ({"projects": "production"}, {"selector": "stage=production"}):
        response = await helm.client.get("/api/v1/applications", params=query)
        names = [each["metadata"]["name"] for each in response.json()["items"]]
        assert len(names) == 5
        assert all(name.startswith("production-") for name in names)


async def test_staging_follows_its_branch_and_production_waits_to_be_synced(
    variant: Stages,
) -> None:
    shas = {name: variant.promote(name) for name in ("staging-cart", "production-cart")}
    tip = shas["production-cart"]
    if variant.placement("staging-cart").branch == variant.placement("production-cart").branch:
        shas["staging-cart"] = tip
    image = "registry.example/shop/cart:" + NEW
    await variant.get("staging-cart", refresh="normal")
    moved = await variant.until("staging-cart", synced_to(shas["staging-cart"]))
    assert images(moved) == [image]
    waiting = await variant.get("production-cart", refresh="hard")
    assert waiting["status"]["sync"]["status"] == "OutOfSync"
    assert waiting["status"]["sync"]["revision"] == tip
    assert images(waiting) != [image]
    response = await variant.call("POST", "production-cart", "/sync")
    assert response.json()["operation"]["sync"]["revision"] == tip
    app = await variant.until("production-cart", synced_to(tip))
    assert images(app) == [image]
    history = app["status"]["history"]
    assert [(each["id"], each["revision"] == tip) for each in history] == [(0, False), (1, True)]


async def test_what_a_commit_does_not_touch_stays_synced_at_that_commit(helm: Stages) -> None:
    sha = helm.promote("production-cart")
    app = await helm.get("production-catalog", refresh="normal")
    assert (app["status"]["sync"]["status"], app["status"]["sync"]["revision"]) == ("Synced", sha)
    assert app["status"]["operationState"]["syncResult"]["revision"] != sha


async def test_git_is_polled_every_two_to_three_minutes() -> None:
    async with stages(speed=1) as world:
        sha = world.promote("production-cart")
        await asyncio.sleep(0)
        assert world.app("production-cart")["status"]["sync"]["revision"] != sha
        response = await world.drive.post("/drive/time", json={"advance": 185})
        assert response.status_code == 200
        waiting = await world.until(
            "production-cart", lambda app: app["status"]["sync"]["revision"] == sha
        )
        assert waiting["status"]["sync"]["status"] == "OutOfSync"


async def test_another_revision_is_refused_only_under_auto_sync(helm: Stages) -> None:
    old = helm.placement("production-cart").revision
    helm.promote("production-cart")
    response = await helm.call("POST", "staging-cart", "/sync", revision=old)
    message = f"Cannot sync to {old}: auto-sync currently set to main"
    assert refusal(response) == (400, 9, message)
    response = await helm.call("POST", "production-cart", "/sync", revision=old)
    assert response.status_code == 200
    app = await helm.until("production-cart", lambda app: not app.get("operation"))
    assert app["status"]["operationState"]["syncResult"]["revision"] == old
    await helm.until("production-cart", lambda app: app["status"]["sync"]["status"] == "OutOfSync")


async def test_the_migration_runs_before_anything_else_and_can_fail(helm: Stages) -> None:
    body = {"name": "production-catalog", "hook": "db-migrate", "phase": "Failed",
            "message": "no such column"}  # fmt: skip
    assert (await helm.drive.post("/drive/app", json=body)).status_code == 200
    helm.promote("production-catalog")
    await helm.call("POST", "production-catalog", "/sync")
    app = await helm.until(
        "production-catalog",
        lambda app: "finishedAt" in (app["status"].get("operationState") or {}),
    )
    state = app["status"]["operationState"]
    (hook,) = state["syncResult"]["resources"]
    assert (state["phase"], hook["hookType"], hook["hookPhase"], hook["message"]) == (
        "Failed", "PreSync", "Failed", "no such column",
    )  # fmt: skip
    assert images(app) == [helm.placement("production-catalog").image]
    await helm.drive.post("/drive/app", json={"name": "production-catalog", "health": None})
    await helm.call("POST", "production-catalog", "/sync")
    app = await helm.until("production-catalog", ready)
    assert [each["id"] for each in app["status"]["history"]] == [0, 1]


async def test_history_keeps_ten_syncs(helm: Stages) -> None:
    for number in range(1, 12):
        await helm.call("POST", "production-cart", "/sync")
        await helm.until(
            "production-cart",
            lambda app: not app.get("operation"),
        )
        assert helm.app("production-cart")["status"]["history"][-1]["id"] == number
    ids = [each["id"] for each in helm.app("production-cart")["status"]["history"]]
    assert ids == list(range(2, 12))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "applications/staging-cart",
         {"project": "staging", "patch": "{}", "patchType": "merge"}),
        ("PUT", "applications/staging-cart", {"spec": {"project": "staging"}}),
        ("PUT", "applications/staging-cart/spec", {"project": "staging"}),
        ("DELETE", "applications/staging-cart?project=staging", {}),
        ("POST", "applications",
         {"metadata": {"name": "new"}, "spec": {"project": "production"}}),
        ("POST", "applications?upsert=true",
         {"metadata": {"name": "staging-cart"}, "spec": {"project": "staging"}}),
        ("POST", "projects", {"project": {"metadata": {"name": "production"}}, "upsert": True}),
        ("DELETE", "projects/production", {}),
    ],
)  # fmt: skip
async def test_the_bot_may_change_nothing_of_a_stage(
    helm: Stages, method: str, path: str, body: Json
) -> None:
    response = await helm.client.request(method, f"/api/v1/{path}", json=body)
    status, code, message = refusal(response)
    assert (status, code) == (403, 7)
    assert message.startswith("permission denied")


async def test_a_watch_of_one_stage_hears_of_that_stage_alone(helm: Stages) -> None:
    argo = Argo(
        helm.sandbox.argocd, helm.sandbox.kernel, MemoryRepositories(), helm.client, helm.drive
    )
    fields = "result.type,result.application.metadata.name,result.application.status.sync"
    async with watching(argo, selector="stage=production", fields=fields) as events:
        assert all(name.startswith("production-") for _, name in await events.names(5))
        helm.promote("staging-cart")
        sha = helm.promote("production-cart")
        for name in ("staging-cart", "production-cart"):
            await helm.get(name, refresh="normal")
        names, syncs = [], []
        while ("OutOfSync", sha) not in syncs:  # the controller looks at others meanwhile, too
            told = (await events.next())["application"]
            names.append(told["metadata"]["name"])
            syncs.append((told["status"]["sync"]["status"], told["status"]["sync"]["revision"]))
    assert names[-1] == "production-cart"
    assert all(name.startswith("production-") for name in names)


async def look(helm: Stages, name: str, what: str, **query: str) -> httpx.Response:
    params = {"project": name.partition("-")[0], **query}
    return await helm.client.get(f"/api/v1/applications/{name}/{what}", params=params)


async def degraded(helm: Stages, message: str = "ImagePullBackOff") -> None:
    body = {"name": "production-cart", "health": "Degraded", "message": message}
    assert (await helm.drive.post("/drive/app", json=body)).status_code == 200
    await helm.until("production-cart", lambda app: app["status"]["health"]["status"] == "Degraded")


async def test_a_sick_application_names_its_pod_in_tree_and_events(helm: Stages) -> None:
    await degraded(helm)
    nodes = (await look(helm, "production-cart", "resource-tree")).json()["nodes"]
    (pod,) = [each for each in nodes if each["kind"] == "Pod"]
    assert pod["health"] == {"status": "Degraded", "message": "ImagePullBackOff"}
    asked = {"resourceUID": pod["uid"], "resourceName": pod["name"],
             "resourceNamespace": pod["namespace"]}  # fmt: skip
    items = (await look(helm, "production-cart", "events", **asked)).json()["items"]
    last = items[-1]
    assert (last["type"], last["reason"], last["message"]) == (
        "Warning", "BackOff", "ImagePullBackOff",
    )  # fmt: skip
    response = await look(helm, "production-cart", "events", **{**asked, "resourceName": "x"})
    message = "x not found as part of application production-cart"
    assert refusal(response) == (400, 3, message)


async def log(helm: Stages, **query: str) -> list[str]:
    response = await look(helm, "production-cart", "logs", follow="false", **query)
    assert response.status_code == 200, response.text
    return [json.loads(line)["result"]["content"] for line in response.text.splitlines()]


async def test_the_log_of_a_sick_application_ends_with_the_reason_after_awkward_lines(
    helm: Stages,
) -> None:
    await degraded(helm, "crashed")
    found = await log(helm, tailLines="7", container="cart")
    assert found[-2:] == ["cart: error: crashed", ""]
    text = "\n".join(found)
    for part in ("password=hunter2", "glpat-", "Bearer ey", "<!channel>", "\x1b[31m"):
        assert part in text
    wrong = await log(helm, container="sidecar")
    assert wrong[0].startswith("container sidecar is not valid for pod cart-")


async def test_the_driver_shows_stages_by_their_projects_and_puts_them_back(helm: Stages) -> None:
    await degraded(helm)
    state = (await helm.drive.get("/drive/state")).json()
    shown = {each["name"]: each for each in state["applications"]}
    assert shown["production-cart"]["project"] == "production"
    assert shown["production-cart"]["health"] == "Degraded"
    assert {each["name"] for each in state["projects"]} == {"staging", "production"}
    assert {"staging", "production"} <= set(state["namespaces"])
    await helm.drive.post("/drive/reset")
    assert {ready(helm.app(name)) for name in shown} == {True}
