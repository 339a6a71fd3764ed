"""Creating Applications: the order of the checks, what is stored, what a repeat does."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.argocd.world import (
    CART,
    CONFIG,
    SERVER,
    Argo,
    Json,
    cart,
    chart,
    project,
    refusal,
    running,
)

DIFFERENT = (400, 3, "existing application spec is different, use upsert flag to force update")


def changed(change: Callable[[Json], Any]) -> Json:
    app = cart(auto=False)
    change(app)
    return app


async def test_the_project_is_looked_at_before_the_name(argo: Argo) -> None:
    app = changed(lambda a: a["metadata"].pop("name"))
    message = 'app is not allowed in project "qbot-x", or the project does not exist'
    assert refusal(await argo.create(app)) == (400, 3, message)
    await argo.project()
    assert refusal(await argo.create(app)) == (500, 2, "resource name may not be empty")


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        ({"name": "mars"}, "there are no clusters with this name: mars"),
        ({"namespace": "qbot-x"}, "Destination server missing from app spec"),
        ({"name": "a", "server": SERVER}, "can't have both name and server defined: a"),
    ],
)
async def test_a_destination_that_names_no_cluster_is_400(
    argo: Argo, destination: Json, message: str
) -> None:
    await argo.project()
    response = await argo.create(changed(lambda a: a["spec"].update(destination=destination)))
    status, code, text = refusal(response)
    assert (status, code) == (400, 3)
    assert text.startswith("application destination spec for qbot-x-cart is invalid: ")
    assert message in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda a: a["spec"]["destination"].update(namespace="qbot-y"),
            f"InvalidSpecError: application destination server '{SERVER}' and namespace 'qbot-y'"
            " do not match any of the allowed destinations in project 'qbot-x'",
            id="destination",
        ),
        pytest.param(
            lambda a: a["spec"]["source"].pop("path"),
            "InvalidSpecError: spec.source.repoURL and either spec.source.path or"
            " spec.source.chart are required",
            id="path",
        ),
        pytest.param(
            lambda a: a["spec"]["source"].update(repoURL="http://git/other.git"),
            "InvalidSpecError: application repo http://git/other.git is not permitted in project"
            " 'qbot-x'",
            id="repository",
        ),
    ],
)
async def test_what_the_project_does_not_permit_is_400_also_without_validation(
    argo: Argo, change: Callable[[Json], Any], message: str
) -> None:
    await argo.project()
    response = await argo.create(changed(change), validate="false")
    expected = f"application spec for qbot-x-cart is invalid: {message}"
    assert refusal(response) == (400, 3, expected)


async def test_validation_reaches_the_repository_before_the_permissions(argo: Argo) -> None:
    await argo.project()
    change = {"repoURL": "http://git/gone.git"}
    status, _, message = refusal(
        await argo.create(changed(lambda a: a["spec"]["source"].update(change)))
    )
    assert status == 400
    assert "repository not accessible: http://git/gone.git" in message
    assert "not permitted" not in message


async def test_validation_renders_the_chart(argo: Argo) -> None:
    await argo.project()
    argo.cart.write("main", chart(config=CONFIG + "  x: {{ include }}\n"))
    status, _, message = refusal(await argo.create(cart()))
    assert status == 400
    assert "Unable to generate manifests in chart: rpc error: code = Unknown desc = " in message
    assert (await argo.create(cart(), validate="false")).status_code == 200


async def test_helm_is_called_with_the_release_name(argo: Argo) -> None:
    await argo.project()
    argo.cart.write("main", chart(config=CONFIG + "  x: {{ include }}\n"))
    _, _, message = refusal(await argo.create(cart()))
    assert "`helm template . --name-template cart --namespace qbot-x " in message


async def test_a_new_project_is_unknown_for_a_while() -> None:
    async with running(visibility_lag=5.0) as argo:
        await argo.project()
        message = 'app is not allowed in project "qbot-x", or the project does not exist'
        assert refusal(await argo.create(cart())) == (400, 3, message)
        argo.kernel.clock.advance(4.5)
        assert (await argo.create(cart())).status_code == 400
        argo.kernel.clock.advance(0.5)
        assert (await argo.create(cart())).status_code == 200


async def test_the_answer_is_what_kubernetes_stored(argo: Argo) -> None:
    await argo.project()
    response = await argo.create(cart(auto=False))
    app = response.json()
    assert response.status_code == 200
    assert not {"apiVersion", "kind"} & app.keys()
    assert app["metadata"].keys() >= {"uid", "creationTimestamp", "generation", "managedFields"}
    assert app["metadata"]["resourceVersion"].isdecimal()
    assert app["metadata"]["namespace"] == "argocd"
    assert app["status"].keys() >= {"health", "sync", "summary"}
    assert app["status"]["sync"]["status"] == ""


async def test_what_means_nothing_is_normalised_away(argo: Argo) -> None:
    await argo.project()
    app = cart(auto=False)
    app["operation"] = {"sync": {"revision": "main"}}
    app["spec"]["syncPolicy"] = {}
    app["spec"]["source"]["helm"] = {}
    app["SPEC"] = app.pop("spec") | {"nonsense": 1}
    found = (await argo.create(app)).json()
    assert "operation" not in found
    assert found["spec"].keys() == {"project", "source", "destination"}
    assert "helm" not in found["spec"]["source"]


async def test_every_write_gets_a_higher_version(argo: Argo) -> None:
    await argo.project()
    versions = [int((await argo.create(cart(auto=False))).json()["metadata"]["resourceVersion"])]
    for number in "12":
        stored = argo.label("qbot-x-cart", n=number)
        versions.append(int(stored["metadata"]["resourceVersion"]))
    other = (await argo.project("qbot-y"))["metadata"]["resourceVersion"]
    assert versions == sorted({*versions})
    assert int(other) > versions[-1]


async def test_the_same_again_is_200_with_the_existing_object(argo: Argo) -> None:
    await argo.project()
    first = (await argo.create(cart(auto=False))).json()
    again = await argo.create(cart(auto=False))
    assert again.status_code == 200
    assert again.json()["metadata"]["uid"] == first["metadata"]["uid"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a["spec"]["source"].update(targetRevision="x"), id="spec"),
        pytest.param(lambda a: a["metadata"]["labels"].update(more="x"), id="labels"),
        pytest.param(lambda a: a["metadata"].update(annotations={"a": "b"}), id="annotations"),
        pytest.param(lambda a: a["metadata"].update(finalizers=[]), id="finalizers"),
    ],
)
async def test_something_different_is_400_without_upsert(
    argo: Argo, change: Callable[[Json], Any]
) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    response = await argo.create(changed(change), validate="false")
    assert refusal(response) == DIFFERENT


async def test_an_annotation_by_somebody_else_breaks_a_plain_repeat(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    argo.label("qbot-x-cart", by="others")
    assert refusal(await argo.create(cart(auto=False))) == DIFFERENT


async def test_upsert_replaces_spec_and_finalizers_and_merges_labels(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    argo.label("qbot-x-cart", by="others")
    app = cart()
    del app["metadata"]["finalizers"]
    found = (await argo.create(app, upsert="true")).json()
    assert found["metadata"]["labels"] == {"qbot.dev/env": "x", "by": "others"}
    assert "finalizers" not in found["metadata"]
    assert found["spec"]["syncPolicy"] == app["spec"]["syncPolicy"]


async def test_the_same_again_is_200_also_while_the_first_is_dying() -> None:
    async with running(speed=0.05) as argo:
        await argo.project()
        uid = (await argo.create(cart(), validate="false")).json()["metadata"]["uid"]
        await argo.delete()
        again = await argo.create(cart(), validate="false")
    assert again.status_code == 200
    assert again.json()["metadata"]["uid"] == uid
    assert "deletionTimestamp" in again.json()["metadata"]


async def test_a_dying_object_gets_no_new_finalizer() -> None:
    app = changed(lambda a: a["metadata"]["finalizers"].append("example.com/more"))
    async with running(speed=0.05) as argo:
        await argo.project()
        await argo.create(cart(), validate="false")
        await argo.delete()
        upsert = await argo.create(app, validate="false", upsert="true")
        policy = await argo.delete(propagationPolicy="background")
    for response in (upsert, policy):
        status, code, message = refusal(response)
        assert (status, code) == (400, 3)
        assert "no new finalizers can be added" in message


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"name": "Bad_Name"}, "metadata.name"),
        ({"labels": {"a": "no spaces"}}, "metadata.labels"),
        ({"finalizers": ["plain"]}, "metadata.finalizers"),
    ],
)
async def test_what_kubernetes_refuses_is_400(argo: Argo, metadata: Json, field: str) -> None:
    await argo.project()
    status, code, message = refusal(
        await argo.create(changed(lambda a: a["metadata"].update(metadata)))
    )
    assert (status, code) == (400, 3)
    assert field in message


async def test_no_project_means_the_default_one(argo: Argo) -> None:
    app = changed(lambda a: a["spec"].pop("project"))
    status, _, message = refusal(await argo.create(app))
    assert status == 403
    assert "default/qbot-x-cart" in message


async def test_the_project_decides_by_repository(argo: Argo) -> None:
    await argo.client.post("/api/v1/projects", json={"project": project(sourceRepos=[])})
    _, _, message = refusal(await argo.create(cart()))
    assert f"application repo {CART} is not permitted in project 'qbot-x'" in message
