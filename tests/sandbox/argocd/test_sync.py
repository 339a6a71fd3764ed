"""Asking for operations: sync, terminate, rollback."""

from typing import Any

import pytest

from tests.sandbox.argocd.world import (
    CONFIG,
    MIGRATE,
    Argo,
    Json,
    cart,
    chart,
    operation,
    ready,
    refusal,
    running,
)

URL = "/api/v1/applications/qbot-x-cart"
BUSY = (400, 9, "another operation is already in progress")
INFOS = [{"name": "correlation", "value": "7"}]


@pytest.fixture
async def idle(argo: Argo) -> Argo:
    """An environment whose service waits for somebody to sync it."""
    await argo.environment(cart(auto=False))
    return argo


@pytest.fixture
async def auto(argo: Argo) -> Argo:
    """An environment that syncs itself and has done so."""
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    return argo


async def synced(argo: Argo, **asked: Any) -> Json:
    """Sync and wait for the end."""
    response = await argo.sync(**asked)
    assert response.status_code == 200, response.text
    await argo.until(lambda: not argo.app().get("operation"))
    return operation(argo.app())


async def test_the_answer_has_the_operation_and_no_state_of_it(idle: Argo) -> None:
    first = await synced(idle)
    app = (await idle.sync(infos=INFOS, prune=True)).json()
    assert first["phase"] == "Succeeded"
    assert "operationState" not in app["status"]
    assert app["operation"] == {
        "sync": {"revision": idle.cart.branches["main"], "prune": True},
        "initiatedBy": {"username": "qbot"},
        "info": INFOS,
    }


async def test_infos_stay_in_the_state_of_the_operation(idle: Argo) -> None:
    assert (await synced(idle, infos=INFOS))["operation"]["info"] == INFOS


async def test_a_second_sync_is_refused_while_one_is_asked_for(idle: Argo) -> None:
    idle.cart.write("main", chart(a=MIGRATE, b=CONFIG))
    await idle.pin(hook="db-migrate", phase="Running")
    await idle.sync()
    assert refusal(await idle.sync()) == BUSY


async def test_a_branch_is_pinned_to_its_commit(idle: Argo) -> None:
    sha = idle.cart.write("topic", idle.cart.commits[idle.cart.branches["main"]])
    app = (await idle.sync(revision="topic")).json()
    assert app["operation"]["sync"]["revision"] == sha


async def test_a_full_commit_is_taken_as_it_is(idle: Argo) -> None:
    app = (await idle.sync(revision="f" * 40)).json()
    assert app["operation"]["sync"]["revision"] == "f" * 40


async def test_a_revision_that_means_nothing_is_400(idle: Argo) -> None:
    expected = (400, 9, "unable to resolve 'gone' to a commit SHA")
    assert refusal(await idle.sync(revision="gone")) == expected


async def test_under_auto_sync_another_revision_is_refused_even_the_same_commit(
    auto: Argo,
) -> None:
    sha = auto.cart.branches["main"]
    message = f"Cannot sync to {sha}: auto-sync currently set to main"
    assert refusal(await auto.sync(revision=sha)) == (400, 9, message)


async def test_under_auto_sync_a_dry_run_of_another_revision_is_allowed(auto: Argo) -> None:
    sha = auto.cart.branches["main"]
    assert (await auto.sync(revision=sha, dryRun=True)).status_code == 200


async def test_under_auto_sync_the_revision_that_is_set_is_allowed(auto: Argo) -> None:
    assert (await auto.sync(revision="main")).status_code == 200


async def test_no_target_revision_means_head() -> None:
    async with running(speed=0.05) as argo:
        await argo.project()
        app = cart()
        del app["spec"]["source"]["targetRevision"]
        await argo.create(app, validate="false")
        message = "Cannot sync to main: auto-sync currently set to "
        assert refusal(await argo.sync(revision="main")) == (400, 9, message)
        assert (await argo.sync(revision="HEAD")).status_code == 200


async def test_options_of_the_request_replace_those_of_the_spec(argo: Argo) -> None:
    app = cart(auto=False)
    app["spec"]["syncPolicy"] = {"syncOptions": ["CreateNamespace=true"]}
    await argo.project()
    await argo.create(app)
    own = (await argo.sync()).json()["operation"]["sync"]
    assert own["syncOptions"] == ["CreateNamespace=true"]
    await argo.until(lambda: not argo.app().get("operation"))
    other = (await argo.sync(syncOptions={"items": ["Replace=true"]})).json()["operation"]["sync"]
    assert other["syncOptions"] == ["Replace=true"]


async def test_the_retry_of_the_spec_is_used_unless_the_request_has_one(argo: Argo) -> None:
    app = cart(auto=False)
    app["spec"]["syncPolicy"] = {"retry": {"limit": 1}}
    await argo.project()
    await argo.create(app)
    assert (await argo.sync()).json()["operation"]["retry"] == {"limit": 1}
    await argo.until(lambda: not argo.app().get("operation"))
    own = await argo.sync(retryStrategy={"limit": 2})
    assert own.json()["operation"]["retry"] == {"limit": 2}


async def test_a_dying_application_takes_no_operation() -> None:
    async with running(speed=0.05) as argo:
        await argo.project()
        await argo.create(cart(auto=False), validate="false")
        await argo.delete()
        assert refusal(await argo.sync()) == (400, 9, "application is deleting")


@pytest.mark.parametrize("part", ["manifests", "sourcePositions", "revisions"])
async def test_parts_of_a_sync_that_the_stand_in_lacks_are_501(idle: Argo, part: str) -> None:
    assert refusal(await idle.client.post(f"{URL}/sync", json={"project": "qbot-x", part: ["x"]}))[
        :2
    ] == (501, 12)
    assert idle.kernel.calls.refused == [f"argocd: sync with {part}"]


async def terminate(argo: Argo) -> tuple[int, int, str] | Json:
    response = await argo.client.delete(f"{URL}/operation", params={"project": "qbot-x"})
    return response.json() if response.status_code == 200 else refusal(response)


NOTHING = (400, 3, "Unable to terminate operation. No operation is in progress")


async def test_without_an_operation_there_is_nothing_to_terminate(idle: Argo) -> None:
    assert await terminate(idle) == NOTHING


async def test_just_after_a_sync_there_is_nothing_to_terminate_either() -> None:
    async with running(speed=200) as argo:
        await argo.environment(cart(auto=False))
        argo.standin.engine.pins.clear()
        argo.standin.applications.controllers.clear()  # a controller that has not seen it yet
        await argo.sync()
        assert argo.app()["operation"]
        assert await terminate(argo) == NOTHING


async def test_a_rollback_is_refused_under_auto_sync(auto: Argo) -> None:
    response = await auto.client.post(f"{URL}/rollback", json={"id": 0, "project": "qbot-x"})
    message = "rollback cannot be initiated when auto-sync is enabled"
    assert refusal(response) == (400, 9, message)


async def test_a_rollback_needs_an_entry_of_the_history(idle: Argo) -> None:
    response = await idle.client.post(f"{URL}/rollback", json={"id": 9, "project": "qbot-x"})
    message = "application argocd/qbot-x-cart does not have deployment with id 9"
    assert refusal(response) == (400, 3, message)


async def test_a_rollback_deploys_the_old_commit_without_hooks(idle: Argo) -> None:
    first = (await synced(idle))["syncResult"]["revision"]
    idle.cart.write("main", chart(config=CONFIG))
    await synced(idle)
    response = await idle.client.post(f"{URL}/rollback", json={"id": 0, "project": "qbot-x"})
    assert response.json()["operation"]["sync"]["syncStrategy"] == {"apply": {}}
    await idle.until(lambda: not idle.app().get("operation"))
    assert operation(idle.app())["syncResult"]["revision"] == first
    assert [each["id"] for each in idle.app()["status"]["history"]] == [0, 1, 2]


async def test_no_sync_window_is_closed(idle: Argo) -> None:
    response = await idle.client.get(f"{URL}/syncwindows", params={"project": "qbot-x"})
    assert response.json()["canSync"] is True
