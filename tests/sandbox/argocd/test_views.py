"""Looking into an Application: tree, managed resources, events, logs."""

import json
from typing import Any

import pytest

from tests.sandbox.argocd.world import CONFIG, Argo, Json, cart, chart, job, ready, refusal, running

URL = "/api/v1/applications/qbot-x-cart"


@pytest.fixture
async def deployed(argo: Argo) -> Argo:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    return argo


async def view(argo: Argo, what: str, **query: Any) -> Json:
    response = await argo.client.get(f"{URL}/{what}", params={"project": "qbot-x", **query})
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_the_tree_has_a_pod_below_each_workload(deployed: Argo) -> None:
    nodes = {each["kind"]: each for each in (await view(deployed, "resource-tree"))["nodes"]}
    assert nodes.keys() == {"ConfigMap", "Deployment", "Pod"}
    (parent,) = nodes["Pod"]["parentRefs"]
    assert parent["uid"] == nodes["Deployment"]["uid"]
    assert nodes["Deployment"]["health"] == {"status": "Healthy"}
    assert "health" not in nodes["ConfigMap"]


@pytest.mark.parametrize("what", ["resource-tree", "managed-resources"])
async def test_before_the_first_comparison_there_is_nothing_to_show(what: str) -> None:
    async with running(speed=0.05) as argo:
        await argo.project()
        await argo.create(cart(), validate="false")
        response = await argo.client.get(f"{URL}/{what}?project=qbot-x")
    assert refusal(response) == (500, 2, "cache: key is missing")


@pytest.mark.parametrize("what", ["resource-tree", "managed-resources"])
async def test_a_chart_that_fails_is_told_instead(deployed: Argo, what: str) -> None:
    deployed.cart.write("main", chart(config=CONFIG + "  x: {{ include }}\n"))
    await deployed.get("qbot-x-cart", refresh="normal")
    response = await deployed.client.get(f"{URL}/{what}?project=qbot-x")
    status, code, message = refusal(response)
    assert (status, code) == (500, 2)
    assert message.startswith("ComparisonError: ")


async def test_managed_resources_hold_json_in_strings(deployed: Argo) -> None:
    items = (await view(deployed, "managed-resources"))["items"]
    assert [each["kind"] for each in items] == ["ConfigMap", "Deployment"]
    for item in items:
        assert json.loads(item["targetState"])["metadata"]["name"] == "cart"
        assert item["liveState"] == item["normalizedLiveState"] == item["predictedLiveState"]
        assert "modified" not in item


async def test_managed_resources_leave_hooks_out_and_can_be_narrowed(deployed: Argo) -> None:
    deployed.cart.write("main", chart(a=job("db-migrate", "PreSync"), b=CONFIG))
    await deployed.get("qbot-x-cart", refresh="normal")
    items = (await view(deployed, "managed-resources", kind="ConfigMap"))["items"]
    assert [each["kind"] for each in items] == ["ConfigMap"]
    assert (await view(deployed, "managed-resources", kind="Job"))["items"] == []


async def test_what_is_not_deployed_yet_has_null_for_its_live_state(argo: Argo) -> None:
    await argo.environment(cart(auto=False))
    await argo.until(lambda: argo.app()["status"].get("reconciledAt"))
    for item in (await view(argo, "managed-resources"))["items"]:
        assert (item["liveState"], item["modified"]) == ("null", True)


async def test_events_tell_what_happened_to_the_application(deployed: Argo) -> None:
    found = await view(deployed, "events")
    assert found["metadata"] == {}
    reasons = [each["reason"] for each in found["items"]]
    assert reasons[0] == "ResourceCreated"
    assert {"OperationStarted", "OperationCompleted", "ResourceUpdated"} <= set(reasons)
    uid = deployed.app()["metadata"]["uid"]
    assert {each["involvedObject"]["uid"] for each in found["items"]} == {uid}


async def entries(argo: Argo, path: str = "logs", **query: Any) -> list[Json]:
    response = await argo.client.get(f"{URL}/{path}", params={"project": "qbot-x", **query})
    assert response.status_code == 200, response.text
    return [json.loads(line)["result"] for line in response.text.splitlines()]


async def test_logs_are_a_stream_of_lines_with_an_empty_last_one(deployed: Argo) -> None:
    found = await entries(deployed)
    assert [each["last"] for each in found] == [False] * (len(found) - 1) + [True]
    assert found[-1]["content"] == ""
    assert found[0]["content"] == "cart: starting"
    assert found[0]["podName"].startswith("cart-")


async def test_logs_can_be_cut_to_their_tail_and_to_one_pod(deployed: Argo) -> None:
    (line, _) = await entries(deployed, tailLines=1)
    assert line["content"] == "cart: ready"
    assert len(await entries(deployed, f"pods/{line['podName']}/logs", tailLines=1)) == 2


async def test_no_such_pod_is_200_without_a_body(deployed: Argo) -> None:
    assert await entries(deployed, podName="nobody") == []


async def test_the_log_of_a_hook_that_fails_says_why(argo: Argo) -> None:
    argo.cart.write("main", chart(a=job("db-migrate", "PreSync"), b=CONFIG))
    await argo.pin(hook="db-migrate", phase="Failed", message="no such column")
    await argo.environment(cart(auto=False))
    await argo.sync()
    await argo.until(lambda: argo.app()["status"].get("operationState", {}).get("finishedAt"))
    found = await entries(argo, kind="Job", group="batch", resourceName="cart-db-migrate")
    assert found[-2]["content"] == "cart-db-migrate: error: no such column"
