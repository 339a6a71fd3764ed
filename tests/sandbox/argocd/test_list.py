"""Listing Applications."""

from typing import Any

import pytest

from tests.sandbox.argocd.world import (
    BASE,
    Argo,
    Json,
    application,
    base,
    cart,
    ready,
    refusal,
    running,
)

APPS = "/api/v1/applications"


async def listed(argo: Argo, **query: Any) -> list[Json]:
    response = await argo.client.get(APPS, params=query)
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


def names(items: list[Json]) -> list[str]:
    return [each["metadata"]["name"] for each in items]


@pytest.fixture
async def three(argo: Argo) -> None:
    """qbot-x-{b,a} and qbot-x-base, not synced."""
    await argo.project()
    for app in (application("qbot-x-b", auto=False), application("qbot-x-a", auto=False)):
        await argo.create(app)
    special = base()
    special["metadata"]["labels"] = {"tier": "base"}
    await argo.create(special)


async def test_nothing_there_is_an_empty_list(argo: Argo) -> None:
    assert await listed(argo) == []


@pytest.mark.usefixtures("three")
async def test_a_list_is_sorted_by_name(argo: Argo) -> None:
    assert names(await listed(argo)) == ["qbot-x-a", "qbot-x-b", "qbot-x-base"]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"selector": "qbot.dev/env=x"}, ["qbot-x-a", "qbot-x-b"]),
        ({"selector": "qbot.dev/env!=x"}, ["qbot-x-base"]),
        ({"selector": "tier in (base, other),!qbot.dev/env"}, ["qbot-x-base"]),
        ({"selector": "tier notin (base)"}, ["qbot-x-a", "qbot-x-b"]),
        ({"name": "qbot-x-b"}, ["qbot-x-b"]),
        ({"name": "nobody"}, []),
        ({"repo": BASE}, ["qbot-x-base"]),
        ({"projects": "qbot-y"}, []),
        ({"projects": ["qbot-y", "qbot-x"], "name": "qbot-x-a"}, ["qbot-x-a"]),
        ({"project": "qbot-x", "name": "qbot-x-a"}, ["qbot-x-a"]),
        ({"refresh": "hard", "resourceVersion": "7", "name": "qbot-x-a"}, ["qbot-x-a"]),
    ],
)
async def test_a_list_can_be_narrowed(argo: Argo, query: Json, expected: list[str]) -> None:
    assert names(await listed(argo, **query)) == expected


async def test_a_bad_selector_is_500(argo: Argo) -> None:
    response = await argo.client.get(APPS, params={"selector": "a b"})
    assert refusal(response)[:2] == (500, 2)


async def test_what_the_policy_hides_is_left_out() -> None:
    policy = """\
p, qbot, projects, *, *, allow
p, qbot, applications, create, *, allow
p, qbot, applications, get, qbot-x/qbot-x-a, allow
"""
    async with running(policy=policy) as argo:
        await argo.project()
        for name in ("qbot-x-a", "qbot-x-b"):
            await argo.create(application(name, auto=False))
        assert names(await listed(argo)) == ["qbot-x-a"]


@pytest.mark.usefixtures("three")
async def test_fields_keep_only_what_they_name(argo: Argo) -> None:
    wanted = "items.metadata.name,items.spec.source,items.metadata.annotations"
    items = await listed(argo, fields=wanted, name="qbot-x-a")
    source = argo.app("qbot-x-a")["spec"]["source"]
    metadata = {"name": "qbot-x-a", "annotations": None}
    assert items == [{"metadata": metadata, "spec": {"source": source}}]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    "field",
    [
        "metadata.uid", "metadata.resourceVersion", "metadata.finalizers", "status.conditions",
        "status.operationState.message", "status.history", "status.reconciledAt",
    ],
)  # fmt: skip
async def test_fields_beyond_the_fixed_list_are_not_there(argo: Argo, field: str) -> None:
    items = await listed(argo, fields=f"items.{field}", name="qbot-x-a")
    assert items == [{}]


async def test_with_fields_no_match_is_null(argo: Argo) -> None:
    found = (await argo.client.get(APPS, params={"fields": "items.metadata.name"})).json()
    assert found == {"metadata": found["metadata"], "items": None}


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("wanted", ["items.spec,items.spec.project", "-items.metadata.name"])
async def test_overlapping_and_excluding_fields_are_500(argo: Argo, wanted: str) -> None:
    status, code, message = refusal(await argo.client.get(APPS, params={"fields": wanted}))
    assert (status, code) == (500, 2)
    assert message.endswith("is not a map")


async def test_the_field_of_the_operation_holds_the_result(argo: Argo) -> None:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    wanted = "items.status.operationState.operation.sync"
    (item,) = await listed(argo, fields=wanted, name="qbot-x-cart")
    result = item["status"]["operationState"]["operation"]["sync"]
    assert result == argo.app()["status"]["operationState"]["syncResult"]


async def test_a_list_has_no_health_of_resources_and_a_get_has(argo: Argo) -> None:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    (item,) = await listed(argo, name="qbot-x-cart")
    whole = (await argo.get("qbot-x-cart")).json()
    assert not any("health" in each for each in item["status"]["resources"])
    assert any("health" in each for each in whole["status"]["resources"])


@pytest.mark.usefixtures("three")
async def test_the_version_of_a_list_never_goes_back(argo: Argo) -> None:
    before = (await argo.client.get(APPS)).json()["metadata"]["resourceVersion"]
    argo.standin.applications.remove("qbot-x-base")
    after = (await argo.client.get(APPS)).json()["metadata"]["resourceVersion"]
    assert int(after) > int(before)


async def test_a_list_may_lag_while_a_get_does_not() -> None:
    async with running(lag=60.0) as argo:
        await argo.project()
        task = argo.kernel.spawn(argo.create(cart(auto=False)), "create")
        await argo.until(argo.app)
        assert (await argo.get("qbot-x-cart")).status_code == 200
        assert await listed(argo) == []
        argo.kernel.clock.advance(2)
        assert (await task).status_code == 200, "a write waits for 2 s at most"
        argo.kernel.clock.advance(60)
        await argo.until(lambda: argo.standin.applications.visible)
        assert names(await listed(argo)) == ["qbot-x-cart"]


async def test_a_lag_is_set_while_it_runs_and_nothing_overtakes_what_was_on_its_way() -> None:
    async with running(lag=60.0) as argo:
        await argo.project()
        task = argo.kernel.spawn(argo.create(cart(auto=False)), "create")
        await argo.until(argo.app)
        assert await listed(argo) == []
        assert (await argo.drive.post("/drive/lag", json={"seconds": 0})).status_code == 200
        assert names(await listed(argo)) == ["qbot-x-cart"]
        argo.kernel.clock.advance(60)
        assert (await task).status_code == 200
        assert names(await listed(argo)) == ["qbot-x-cart"]
        assert (await argo.drive.post("/drive/lag", json={"seconds": -1})).status_code == 400
