"""What the controller makes of operations: phases, messages, retries, history, conditions."""

from typing import Any

import pytest

from tests.sandbox.argocd.world import (
    CONFIG,
    DEPLOYMENT,
    MIGRATE,
    UNSUCCESSFUL,
    Argo,
    Json,
    cart,
    chart,
    conditions,
    job,
    operation,
    ready,
    versions,
)


def messages(apps: list[Json]) -> list[str]:
    found = [str(operation(app).get("message", "")) for app in apps]
    return list(dict.fromkeys(found))


def waved(text: str, wave: int) -> str:
    """The template with a sync wave."""
    note = f'argocd.argoproj.io/sync-wave: "{wave}"'
    if "annotations:" in text:
        return text.replace("annotations:\n", f"annotations:\n    {note}\n", 1)
    return text.replace("metadata:\n", f"metadata:\n  annotations:\n    {note}\n", 1)


async def synced(argo: Argo, **asked: Any) -> Json:
    response = await argo.sync(**asked)
    assert response.status_code == 200, response.text
    await argo.until(lambda: not argo.app().get("operation"))
    return operation(argo.app())


@pytest.fixture
async def idle(argo: Argo) -> Argo:
    await argo.environment(cart(auto=False))
    return argo


async def test_an_operation_runs_and_then_succeeds(idle: Argo) -> None:
    seen = versions(idle)
    done = await synced(idle)
    phases = list(dict.fromkeys(operation(app).get("phase") for app in seen))
    assert phases == [None, "Running", "Succeeded"]
    assert done["message"] == "successfully synced (all tasks run)"
    assert done["startedAt"] <= done["finishedAt"]


async def test_completion_clears_the_operation_and_is_compared_only_later(idle: Argo) -> None:
    seen = versions(idle)
    await idle.sync()
    await idle.until(lambda: ready(idle.app()))
    done = next(app for app in seen if operation(app).get("phase") == "Succeeded")
    assert "operation" not in done
    assert done["status"]["sync"]["status"] == "OutOfSync"
    assert idle.app()["status"]["sync"]["status"] == "Synced"
    assert idle.app()["status"]["reconciledAt"] >= operation(done)["finishedAt"]


async def test_success_without_waves_means_applied_and_not_healthy(idle: Argo) -> None:
    slow = DEPLOYMENT.replace('"2"', '"2000"')
    idle.cart.write("main", chart(deployment=slow))
    assert (await synced(idle))["phase"] == "Succeeded"
    await idle.until(lambda: idle.app()["status"]["health"]["status"] == "Progressing")


async def test_each_resource_has_its_result(idle: Argo) -> None:
    found = (await synced(idle))["syncResult"]["resources"]
    assert {each["kind"]: (each["status"], each["message"]) for each in found} == {
        "ConfigMap": ("Synced", "configmap/cart created"),
        "Deployment": ("Synced", "deployment.apps/cart created"),
    }
    assert {each["syncPhase"] for each in found} == {"Sync"}


async def test_a_wave_waits_for_the_health_of_the_one_before(idle: Argo) -> None:
    idle.cart.write("main", chart(a=DEPLOYMENT, b=waved(CONFIG, 1)))
    seen = versions(idle)
    assert (await synced(idle))["phase"] == "Succeeded"
    assert "waiting for healthy state of apps/Deployment/cart" in messages(seen)


async def test_a_resource_degraded_between_waves_fails_the_sync(idle: Argo) -> None:
    idle.cart.write("main", chart(a=DEPLOYMENT, b=waved(CONFIG, 1)))
    await idle.pin(health="Degraded", message="crash loop")
    done = await synced(idle)
    assert (done["phase"], done["message"]) == ("Failed", UNSUCCESSFUL)


async def test_hooks_run_in_their_phases_and_have_a_phase_of_their_own(idle: Argo) -> None:
    after = job("seed", "PostSync")
    idle.cart.write("main", chart(a=MIGRATE, b=CONFIG, c=after))
    seen = versions(idle)
    done = await synced(idle)
    assert done["message"] == "successfully synced (no more tasks)"
    assert "waiting for completion of hook batch/Job/cart-db-migrate" in messages(seen)
    found = done["syncResult"]["resources"]
    assert [each["syncPhase"] for each in found] == ["PreSync", "Sync", "PostSync"]
    assert [each["hookPhase"] for each in found if "hookType" in each] == ["Succeeded"] * 2
    assert not any("status" in each for each in found if "hookType" in each)


async def test_a_hook_may_fail(idle: Argo) -> None:
    idle.cart.write("main", chart(a=MIGRATE, b=CONFIG))
    await idle.pin(hook="db-migrate", phase="Failed", message="no such column")
    done = await synced(idle)
    assert (done["phase"], done["message"]) == ("Failed", UNSUCCESSFUL)
    (hook,) = done["syncResult"]["resources"]
    assert (hook["hookPhase"], hook["message"]) == ("Failed", "no such column")


async def test_a_failure_runs_the_sync_fail_hooks(idle: Argo) -> None:
    idle.cart.write("main", chart(a=MIGRATE, b=CONFIG, c=job("alarm", "SyncFail")))
    await idle.pin(hook="db-migrate", phase="Failed")
    found = (await synced(idle))["syncResult"]["resources"]
    assert [(each["name"], each["hookPhase"]) for each in found] == [
        ("cart-db-migrate", "Failed"),
        ("cart-alarm", "Succeeded"),
    ]


async def test_a_hung_hook_blocks_until_it_is_let_go(idle: Argo) -> None:
    idle.cart.write("main", chart(a=MIGRATE, b=CONFIG))
    await idle.pin(hook="db-migrate", phase="Running")
    await idle.sync()
    await idle.until(lambda: "waiting for completion" in operation(idle.app()).get("message", ""))
    idle.kernel.clock.advance(24 * 3600)
    assert operation(idle.app())["phase"] == "Running"
    await idle.pin(hook="db-migrate", phase="Succeeded")
    await idle.until(lambda: operation(idle.app())["phase"] == "Succeeded")


async def test_a_hung_hook_can_be_terminated_and_leaves_the_operation_failed(idle: Argo) -> None:
    idle.cart.write("main", chart(a=MIGRATE, b=CONFIG))
    await idle.pin(hook="db-migrate", phase="Running")
    await idle.sync()
    await idle.until(lambda: "waiting for completion" in operation(idle.app()).get("message", ""))
    seen = versions(idle)
    url = "/api/v1/applications/qbot-x-cart/operation?project=qbot-x"
    assert (await idle.client.delete(url)).json() == {}
    await idle.until(lambda: not idle.app().get("operation"))
    phases = list(dict.fromkeys(operation(app)["phase"] for app in seen))
    assert phases[-2:] == ["Terminating", "Failed"]
    assert operation(idle.app())["message"] == "Operation terminated"


async def test_a_retry_is_running_with_an_end_and_keeps_the_operation(idle: Argo) -> None:
    idle.cart.write("main", chart(a=MIGRATE))
    await idle.pin(hook="db-migrate", phase="Failed")
    seen = versions(idle)
    retry = {"limit": 1, "backoff": {"duration": "1s", "factor": 2, "maxDuration": "3s"}}
    done = await synced(idle, retryStrategy=retry)
    between = [app for app in seen if "finishedAt" in operation(app) and app.get("operation")]
    (state,) = [operation(app) for app in between]
    assert state["phase"] == "Running"
    assert state["message"].startswith(f"{UNSUCCESSFUL}. Retrying attempt #1 at ")
    assert (done["phase"], done["retryCount"]) == ("Failed", 1)
    assert done["message"].endswith("(retried 1 times).")


async def test_without_prune_what_is_gone_stays_and_is_told(idle: Argo) -> None:
    await synced(idle)
    idle.cart.write("main", chart(deployment=DEPLOYMENT))
    found = (await synced(idle))["syncResult"]["resources"]
    assert ("PruneSkipped", "ignored (requires pruning)") in [
        (each["status"], each["message"]) for each in found
    ]


async def test_without_its_namespace_every_object_is_refused(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    done = await synced(argo)
    assert done["phase"] == "Failed"
    assert done["message"].startswith("one or more objects failed to apply, reason: ")
    found = done["syncResult"]["resources"]
    assert {each["status"] for each in found} == {"SyncFailed"}
    assert {each["message"] for each in found} == {'namespaces "qbot-x" not found'}


async def test_a_namespace_made_by_an_option_belongs_to_nobody(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    done = await synced(argo, syncOptions={"items": ["CreateNamespace=true"]})
    assert done["phase"] == "Succeeded"
    await argo.delete()
    await argo.until(lambda: not argo.app())
    assert argo.standin.state()["namespaces"] == ["qbot-x"]


async def test_a_kind_that_the_project_forbids_fails_the_sync(argo: Argo) -> None:
    await argo.project(namespaceResourceBlacklist=[{"group": "apps", "kind": "Deployment"}])
    await argo.create(cart(auto=False))
    done = await synced(argo)
    assert done["phase"] == "Failed"
    assert "resource apps:Deployment is not permitted in project qbot-x" in done["message"]


async def test_a_chart_that_fails_is_an_error_and_a_condition(idle: Argo) -> None:
    long = 300  # characters of the command line and what is before it
    idle.cart.write("main", chart(config=CONFIG + "  x: {{ include }}\n"))
    done = await synced(idle)
    assert done["phase"] == "Error"
    assert done["message"].startswith("ComparisonError: Failed to load target state")
    await idle.get("qbot-x-cart", refresh="hard")
    (message,) = conditions(idle, "ComparisonError")
    assert "--name-template cart " in message
    assert message.index("` failed exit status 1: Error: ") > long
    assert idle.app()["status"]["sync"]["status"] == "Unknown"


async def test_history_counts_full_successful_syncs_only(idle: Argo) -> None:
    await synced(idle)
    await synced(idle, dryRun=True)
    one = [{"group": "", "kind": "ConfigMap", "name": "cart", "namespace": "qbot-x"}]
    await synced(idle, resources=one)
    await synced(idle)
    history = idle.app()["status"]["history"]
    assert [each["id"] for each in history] == [0, 1]
    assert {each["revision"] for each in history} == {idle.cart.branches["main"]}


async def test_history_keeps_no_more_than_the_spec_says(argo: Argo) -> None:
    app = cart(auto=False)
    app["spec"]["revisionHistoryLimit"] = 2
    await argo.environment(app)
    for _ in range(3):
        await synced(argo)
    assert [each["id"] for each in argo.app()["status"]["history"]] == [1, 2]


async def test_a_dry_run_changes_nothing(idle: Argo) -> None:
    done = await synced(idle, dryRun=True)
    assert {each["message"] for each in done["syncResult"]["resources"]} == {
        "configmap/cart created (dry run)",
        "deployment/cart created (dry run)",
    }
    assert not idle.standin.engine.cluster.tracked("qbot-x-cart")


async def test_a_partial_sync_touches_what_it_names_and_runs_no_hooks(idle: Argo) -> None:
    idle.cart.write("main", chart(a=MIGRATE, b=CONFIG, c=DEPLOYMENT))
    done = await synced(idle, resources=[{"kind": "ConfigMap", "name": "cart"}])
    assert [each["kind"] for each in done["syncResult"]["resources"]] == ["ConfigMap"]


async def test_health_can_be_pinned_and_freed(argo: Argo) -> None:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    await argo.pin(health="Degraded", message="crash loop")
    await argo.until(lambda: argo.app()["status"]["health"]["status"] == "Degraded")
    resources = {each["kind"]: each for each in argo.app()["status"]["resources"]}
    assert resources["Deployment"]["health"] == {"status": "Degraded", "message": "crash loop"}
    await argo.pin(health=None)
    await argo.until(lambda: argo.app()["status"]["health"]["status"] == "Healthy")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"name": "a"},
        {"name": "a", "health": "Sick"},
        {"name": "a", "hook": "h", "phase": "Lost"},
        {"name": "a", "health": None, "more": 1},
        {"name": 7, "health": None},
        [],
    ],
)
async def test_a_drive_request_that_makes_no_sense_is_400(argo: Argo, asked: Any) -> None:
    response = await argo.drive.post("/drive/app", json=asked)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
