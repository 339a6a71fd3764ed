"""AppProjects."""

from typing import Any

import httpx
import pytest

from tests.sandbox.argocd.world import BASE, CART, SERVER, Argo, Json, cart, project, refusal

URL = "/api/v1/projects"


async def post(argo: Argo, value: Json, **more: Any) -> httpx.Response:
    return await argo.client.post(URL, json={"project": value, **more})


async def test_the_same_project_again_is_200(argo: Argo) -> None:
    first = await argo.project()
    again = await post(argo, project())
    assert (again.status_code, again.json()) == (200, first)


async def test_another_spec_is_400_and_names_what_differs(argo: Argo) -> None:
    await argo.project()
    response = await post(argo, project(sourceRepos=[BASE], description="x"))
    message = "existing project spec is different; use upsert flag to force update"
    keys = "Description,SourceRepos"
    assert refusal(response) == (400, 3, f'{message}; difference in keys "{keys}"')


async def test_upsert_replaces_the_spec_and_nothing_else(argo: Argo) -> None:
    await argo.project()
    new = project(sourceRepos=[BASE])
    new["metadata"]["labels"] = {"a": "b"}
    found = (await post(argo, new, upsert=True)).json()
    assert found["spec"]["sourceRepos"] == [BASE]
    assert "labels" not in found["metadata"]


@pytest.mark.parametrize(
    "spec",
    [
        {"sourceRepos": [CART, CART]},
        {"destinations": [{"server": SERVER, "namespace": "a"}] * 2},
        {"destinations": [{"server": "!*", "namespace": "a"}]},
    ],
)
async def test_a_spec_that_contradicts_itself_is_400(argo: Argo, spec: Json) -> None:
    assert refusal(await post(argo, project(**spec)))[:2] == (400, 3)


async def test_a_project_outside_the_bots_names_is_denied(argo: Argo) -> None:
    status, code, message = refusal(await post(argo, project("shop")))
    assert (status, code) == (403, 7)
    assert message.startswith("permission denied: projects, create, shop, sub: qbot")


async def test_an_absent_project_is_404(argo: Argo) -> None:
    expected = (404, 5, 'appprojects.argoproj.io "qbot-y" not found')
    assert refusal(await argo.client.get(f"{URL}/qbot-y")) == expected


async def test_a_list_holds_what_the_caller_may_read(argo: Argo) -> None:
    await argo.project()
    items = (await argo.client.get(URL)).json()["items"]
    assert [each["metadata"]["name"] for each in items] == ["qbot-x"]


async def test_a_project_in_use_cannot_be_deleted_and_says_by_how_many(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    response = await argo.client.delete(f"{URL}/qbot-x")
    assert refusal(response) == (400, 3, "project is referenced by 1 applications")


async def test_a_dying_application_still_counts(argo: Argo) -> None:
    await argo.project()
    app = cart(auto=False)
    app["metadata"]["finalizers"].append("example.com/keep")
    await argo.create(app)
    await argo.delete()
    response = await argo.client.delete(f"{URL}/qbot-x")
    assert refusal(response) == (400, 3, "project is referenced by 1 applications")


async def test_a_project_that_nobody_uses_goes(argo: Argo) -> None:
    await argo.project()
    assert (await argo.client.delete(f"{URL}/qbot-x")).json() == {}
    assert refusal(await argo.client.get(f"{URL}/qbot-x"))[:2] == (404, 5)


async def test_a_project_with_a_finalizer_goes_a_little_later(argo: Argo) -> None:
    value = project()
    value["metadata"]["finalizers"] = ["resources-finalizer.argocd.argoproj.io"]
    await post(argo, value)
    assert (await argo.client.delete(f"{URL}/qbot-x")).json() == {}
    await argo.until(lambda: not argo.standin.projects.get("qbot-x"))


async def test_put_needs_the_version_that_it_replaces(argo: Argo) -> None:
    stored = await argo.project()
    del stored["metadata"]["resourceVersion"]
    response = await argo.client.put(f"{URL}/qbot-x", json={"project": stored})
    assert refusal(response)[:2] == (400, 3)


async def test_put_of_an_older_version_is_a_conflict(argo: Argo) -> None:
    stored = await argo.project()
    await post(argo, project(description="x"), upsert=True)
    response = await argo.client.put(f"{URL}/qbot-x", json={"project": stored})
    status, code, message = refusal(response)
    assert (status, code) == (409, 10)
    assert "the object has been modified" in message


async def test_put_needs_rights_on_what_it_adds(argo: Argo) -> None:
    stored = await argo.project()
    stored["spec"]["sourceRepos"].append("http://git/more.git")
    response = await argo.client.put(f"{URL}/qbot-x", json={"project": stored})
    status, _, message = refusal(response)
    assert status == 403
    assert "repositories, update, http://git/more.git" in message


async def test_put_may_not_take_from_applications_what_they_use(argo: Argo) -> None:
    stored = await argo.project()
    await argo.create(cart(auto=False))
    stored["spec"]["sourceRepos"] = [BASE]
    response = await argo.client.put(f"{URL}/qbot-x", json={"project": stored})
    message = "as a result of project update 1 applications source became invalid"
    assert refusal(response) == (400, 3, message)


async def test_a_namespace_that_the_project_does_not_name_is_not_created(argo: Argo) -> None:
    named = [{"group": "", "kind": "Namespace", "name": "qbot-y"}]
    await argo.project(clusterResourceWhitelist=named)
    await argo.create(cart(auto=False, repo=BASE))
    await argo.sync()
    await argo.until(lambda: not argo.app().get("operation"))
    message = argo.app()["status"]["operationState"]["message"]
    assert "resource :Namespace is not permitted in project qbot-x" in message
