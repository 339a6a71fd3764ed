"""The stand-in against Argo CD's own swagger file: routes, and every field of every answer."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sandbox.argocd.world import (
    CART,
    CONFIG,
    DEPLOYMENT,
    Argo,
    Json,
    cart,
    chart,
    job,
    ready,
    running,
    watching,
)
from tests.schemas import draft4

SWAGGER = Path(__file__).parents[4] / "shared/contracts/argocd-swagger.json"
pytestmark = pytest.mark.skipif(not SWAGGER.exists(), reason="Argo CD's swagger file is not here")
# Outside of the gRPC services, so outside of their description.
UNDESCRIBED = {"/healthz"}
APP = "/api/v1/applications/qbot-x-cart"
NULL_MAPS_AND_TIMES = {"labels", "annotations", "eventTime", "items"}


@pytest.fixture(scope="module")
def swagger() -> Json:
    """The description, made stricter: no field beyond it, 64-bit integers as JSON numbers."""
    found = json.loads(SWAGGER.read_text())
    for schema in found["definitions"].values():
        for embedded in schema.pop("allOf", ()):  # a struct that Go writes inline
            part = found["definitions"][embedded["$ref"].rpartition("/")[2]]
            schema["properties"] = {**part["properties"], **schema["properties"]}
    for name, schema in found["definitions"].items():
        if name != "v1FieldsV1" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for field, inner in schema.get("properties", {}).items():
            if inner.get("format") == "int64":
                inner["type"] = "integer"
            if field in NULL_MAPS_AND_TIMES:
                schema["properties"][field] = {"anyOf": [inner, {"type": "null"}]}
    return dict(found)


def anonymous(path: str) -> str:
    """A path whose parameters have lost their names."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def described(swagger: Json) -> dict[tuple[str, str], Json]:
    return {
        (method.upper(), anonymous(path)): operation
        for path, operations in swagger["paths"].items()
        for method, operation in operations.items()
    }


def complaints(swagger: Json, schema: Json, value: Any) -> list[str]:
    validator = draft4({**schema, "definitions": swagger["definitions"]})
    return [f"{list(each.path)}: {each.message[:200]}" for each in validator.iter_errors(value)]


def answer(swagger: Json, method: str, path: str) -> Json:
    """The schema of the good answer to one call."""
    for (known, template), operation in described(swagger).items():
        pattern = re.escape(template).replace(r"\{\}", "[^/]+")
        if known == method and re.fullmatch(pattern, path):
            return dict(operation["responses"]["200"]["schema"])
    raise AssertionError(f"{method} {path} is not described")


async def test_every_route_is_one_of_argo_cds(swagger: Json, argo: Argo) -> None:
    known = described(swagger)
    served = [
        (route.method, anonymous(route.resource.canonical))
        for route in argo.standin.app().router.routes()
        if route.resource
    ]
    assert len(served) > 20
    unknown = [each for each in served if each not in known and each[1] not in UNDESCRIBED]
    assert unknown == []


@pytest.fixture
async def full() -> AsyncIterator[Argo]:
    """An environment in which every kind of thing has happened."""
    async with running() as argo:
        hooks = {"a": job("db-migrate", "PreSync"), "d": job("drop", "PostDelete")}
        argo.cart.write("main", chart(**hooks, b=CONFIG, c=DEPLOYMENT))
        await argo.environment(cart())
        await argo.until(lambda: ready(argo.app()))
        await argo.pin(health="Degraded", message="crash loop")
        await argo.until(lambda: argo.app()["status"]["health"]["status"] == "Degraded")
        argo.cart.write("main", chart(**hooks, b=CONFIG + "  x: {{ include }}\n"))
        await argo.get("qbot-x-cart", refresh="normal")
        assert argo.app()["status"]["conditions"]
        argo.cart.write("main", chart(**hooks, b=CONFIG))
        await argo.get("qbot-x-cart", refresh="normal")
        await argo.until(lambda: len(argo.app()["status"]["history"]) > 1)
        yield argo


READS = [
    "/api/version",
    "/api/v1/settings",
    "/api/v1/session/userinfo",
    "/api/v1/account/can-i/applications/get/x",
    "/api/v1/applications",
    "/api/v1/projects",
    "/api/v1/projects/qbot-x",
    APP,
    f"{APP}/resource-tree",
    f"{APP}/managed-resources",
    f"{APP}/events",
    f"{APP}/syncwindows",
]


async def test_every_answer_to_a_read_is_as_described(swagger: Json, full: Argo) -> None:
    found = {}
    for path in READS:
        response = await full.client.get(path)
        assert response.status_code == 200, response.text
        found[path] = complaints(swagger, answer(swagger, "GET", path), response.json())
    assert {path: problems for path, problems in found.items() if problems} == {}


async def test_every_answer_to_a_write_is_as_described(swagger: Json, full: Argo) -> None:
    stored = await full.project("qbot-y")
    manual = {"name": "qbot-x-cart", "project": "qbot-x"}
    spec = cart(auto=False)["spec"]
    patch = {"patch": '{"metadata":{"labels":{"a":"b"}}}', "patchType": "merge", **manual}
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/api/v1/projects", {"project": stored, "upsert": True}),
        ("PUT", "/api/v1/projects/qbot-y", {"project": stored}),
        ("DELETE", "/api/v1/projects/qbot-y", None),
        ("PUT", APP, {**cart(auto=False)}),
        ("PUT", f"{APP}/spec", spec),
        ("PATCH", APP, patch),
        ("POST", f"{APP}/sync", {**manual, "infos": [{"name": "a", "value": "b"}]}),
        ("DELETE", f"{APP}/operation", None),
        ("POST", f"{APP}/rollback", {**manual, "id": 0}),
        ("DELETE", APP, None),
    ]
    found = {}
    for method, path, body in calls:
        if path.endswith("/operation"):
            await full.until(lambda: full.app()["status"].get("operationState"))
        if path.endswith("/rollback"):
            await full.until(lambda: not full.app().get("operation"))
        response = await full.client.request(method, path, json=body)
        assert response.status_code == 200, (method, path, response.text)
        found[method, path] = complaints(swagger, answer(swagger, method, path), response.json())
    assert {call: problems for call, problems in found.items() if problems} == {}


async def test_every_frame_of_a_stream_is_as_described(swagger: Json, full: Argo) -> None:
    async with watching(full) as events:
        frames = [await events.next() for _ in range(2)]
    lines = (await full.client.get(f"{APP}/logs")).text.splitlines()
    watch = answer(swagger, "GET", "/api/v1/stream/applications")
    logs = answer(swagger, "GET", f"{APP}/logs")
    assert [complaints(swagger, watch, {"result": frame}) for frame in frames] == [[], []]
    assert lines
    assert not any(complaints(swagger, logs, json.loads(line)) for line in lines)


async def test_every_error_is_as_described(swagger: Json, argo: Argo) -> None:
    schema = {"$ref": "#/definitions/runtimeError"}
    for path in ("/api/v1/applications/none", "/api/v1/projects/qbot-none"):
        response = await argo.client.get(path)
        assert response.status_code >= 400
        assert complaints(swagger, schema, response.json()) == []


async def test_the_checks_themselves_notice_what_is_not_described(swagger: Json) -> None:
    schema = {"$ref": "#/definitions/v1alpha1Application"}
    assert complaints(swagger, schema, {"nonsense": 1})
    assert complaints(swagger, schema, {"metadata": {"name": 1}})


async def test_a_stage_and_the_events_of_its_resources_are_as_described(swagger: Json) -> None:
    placed = SimpleNamespace(
        stage="staging",
        service="cart",
        application="staging-cart",
        source={"repoURL": CART, "path": "chart", "targetRevision": "main"},
    )
    async with running(stages=lambda: [placed]) as argo:
        one = "/api/v1/applications/staging-cart"
        nodes = (await argo.client.get(f"{one}/resource-tree")).json()["nodes"]
        pod = next(each for each in nodes if each["kind"] == "Pod")
        events = (
            f"{one}/events?resourceUID={pod['uid']}&resourceName={pod['name']}"
            f"&resourceNamespace={pod['namespace']}"
        )
        for path in (one, f"{one}/managed-resources", f"{one}/resource-tree", events):
            found = await argo.client.get(path)
            assert found.status_code == 200, found.text
            schema = answer(swagger, "GET", path.partition("?")[0])
            assert complaints(swagger, schema, found.json()) == []
