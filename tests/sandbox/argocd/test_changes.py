"""PUT, PUT spec and PATCH of an Application."""

import json
from typing import Any

import httpx
import pytest

from tests.sandbox.argocd.world import Argo, Json, cart, refusal

URL = "/api/v1/applications/qbot-x-cart"


async def patch(argo: Argo, changes: Any, kind: str = "merge") -> httpx.Response:
    body = {"patch": json.dumps(changes), "patchType": kind, "project": "qbot-x"}
    return await argo.client.patch(URL, json=body)


@pytest.fixture
async def app(argo: Argo) -> Json:
    await argo.project()
    return dict((await argo.create(cart(auto=False))).json())


async def test_put_replaces_labels_and_finalizers(argo: Argo, app: Json) -> None:
    new = cart(auto=False)
    new["metadata"] = {"name": "qbot-x-cart", "labels": {"a": "b"}}
    found = (await argo.client.put(URL, json=new)).json()
    assert found["metadata"]["labels"] == {"a": "b"}
    assert "finalizers" not in found["metadata"]
    assert found["metadata"]["uid"] == app["metadata"]["uid"]


async def test_put_ignores_the_version_of_its_body(argo: Argo, app: Json) -> None:
    app["metadata"]["resourceVersion"] = "1"
    assert (await argo.client.put(URL, json=app)).status_code == 200


async def test_put_spec_answers_with_the_spec_alone(argo: Argo, app: Json) -> None:
    app["spec"]["revisionHistoryLimit"] = 2
    found = (await argo.client.put(f"{URL}/spec", json=app["spec"])).json()
    assert found == app["spec"]
    assert argo.app()["spec"]["revisionHistoryLimit"] == 2


async def test_a_merge_patch_changes_what_it_names(argo: Argo, app: Json) -> None:
    response = await patch(argo, {"metadata": {"labels": {"a": "b"}}})
    assert response.json()["metadata"]["labels"] == {"qbot.dev/env": "x", "a": "b"}
    assert response.json()["spec"] == app["spec"]


async def test_a_json_patch_changes_what_it_names(argo: Argo, app: Json) -> None:
    del app
    step = {"op": "replace", "path": "/spec/source/targetRevision", "value": "HEAD"}
    response = await patch(argo, [step], "json")
    assert response.json()["spec"]["source"]["targetRevision"] == "HEAD"


async def test_patches_of_status_and_operation_are_ignored(argo: Argo, app: Json) -> None:
    del app
    changes = {"status": {"health": {"status": "Lost"}}, "operation": {"sync": {}}}
    for response in (
        await patch(argo, changes),
        await patch(argo, [{"op": "replace", "path": "/status/health", "value": {}}], "json"),
    ):
        assert response.status_code == 200, response.text
        assert response.json()["status"]["health"].get("status") != "Lost"
        assert "operation" not in response.json()


async def test_a_patch_is_always_validated(argo: Argo, app: Json) -> None:
    del app
    response = await patch(argo, {"spec": {"source": {"targetRevision": "gone"}}})
    status, code, message = refusal(response)
    assert (status, code) == (400, 3)
    assert "unable to resolve 'gone' to a commit SHA" in message


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"patch": "{}"}, 500, 13, id="no-type"),
        pytest.param({"patch": "{}", "patchType": "strategic"}, 400, 3, id="unknown-type"),
        pytest.param({"patch": "{", "patchType": "merge"}, 500, 2, id="broken"),
        pytest.param(
            {"patch": '[{"op":"remove","path":"/no"}]', "patchType": "json"}, 500, 2, id="nowhere"
        ),
        pytest.param({"patch": {}, "patchType": "merge"}, 400, 3, id="no-text"),
    ],
)
async def test_a_bad_patch_is_refused(
    argo: Argo, app: Json, body: Json, status: int, code: int
) -> None:
    del app
    response = await argo.client.patch(URL, json={**body, "project": "qbot-x"})
    assert refusal(response)[:2] == (status, code)


async def test_a_move_needs_rights_in_the_other_project(argo: Argo, app: Json) -> None:
    app["spec"]["project"] = "default"
    _, _, message = refusal(await argo.client.put(URL, json=app))
    assert "applications, create, default/qbot-x-cart" in message
