"""What the controller does unasked: comparisons, automated syncs, healing."""

import asyncio

from tests.sandbox.argocd.world import (
    CONFIG,
    DEPLOYMENT,
    MIGRATE,
    UNSUCCESSFUL,
    Argo,
    cart,
    chart,
    conditions,
    operation,
    ready,
    versions,
)


async def test_a_failed_automated_sync_is_not_repeated(argo: Argo) -> None:
    app = cart()
    app["spec"]["syncPolicy"]["retry"] = {"limit": 0}
    argo.cart.write("main", chart(a=MIGRATE, b=CONFIG))
    await argo.pin(hook="db-migrate", phase="Failed")
    await argo.environment(app)
    await argo.until(lambda: conditions(argo, "SyncError"))
    sha = argo.cart.branches["main"]
    assert conditions(argo, "SyncError") == [f"Failed last sync attempt to {sha}: {UNSUCCESSFUL}"]
    started = operation(argo.app())["startedAt"]
    await argo.get("qbot-x-cart", refresh="normal")
    assert operation(argo.app())["startedAt"] == started
    assert "operation" not in argo.app()


async def test_an_automated_sync_retries_five_times_unless_told_otherwise(argo: Argo) -> None:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    asked = operation(argo.app())["operation"]
    assert asked["initiatedBy"] == {"automated": True}
    assert asked["retry"] == {"limit": 5}


async def test_automation_can_be_switched_off_within_its_block(argo: Argo) -> None:
    app = cart()
    app["spec"]["syncPolicy"]["automated"]["enabled"] = False
    await argo.environment(app)
    await argo.get("qbot-x-cart", refresh="normal")
    assert argo.app()["status"]["sync"]["status"] == "OutOfSync"
    assert not operation(argo.app())


async def test_a_new_commit_is_deployed_and_what_is_gone_is_pruned(argo: Argo) -> None:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    seen = versions(argo)
    sha = argo.cart.write("main", chart(deployment=DEPLOYMENT))
    await argo.get("qbot-x-cart", refresh="normal")
    await argo.until(lambda: ready(argo.app()))
    assert argo.app()["status"]["sync"]["revision"] == sha
    results = [operation(app).get("syncResult", {}).get("resources", ()) for app in seen]
    pruned = {each["kind"] for found in results for each in found if each.get("status") == "Pruned"}
    assert pruned == {"ConfigMap"}


async def test_drift_is_healed(argo: Argo) -> None:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    config = argo.standin.engine.cluster.get(("", "ConfigMap", "qbot-x", "cart"))
    assert config is not None
    argo.standin.engine.cluster.delete(config)
    await argo.until(lambda: argo.app()["status"]["sync"]["status"] == "OutOfSync")
    await argo.until(lambda: ready(argo.app()))
    healed = argo.standin.engine.cluster.get(("", "ConfigMap", "qbot-x", "cart"))
    assert healed is not None
    assert healed.uid != config.uid


async def test_an_empty_chart_does_not_wipe_everything_out(argo: Argo) -> None:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    sha = argo.cart.write("main", chart())
    await argo.get("qbot-x-cart", refresh="normal")
    message = f"Skipping sync attempt to {sha}: auto-sync will wipe out all resources"
    assert conditions(argo, "SyncError") == [message]


async def test_an_application_of_nothing_is_synced_and_healthy(argo: Argo) -> None:
    argo.cart.write("main", chart())
    await argo.environment(cart())
    await argo.until(lambda: argo.app()["status"]["health"].get("status"))
    status = argo.app()["status"]
    assert (status["sync"]["status"], status["health"]["status"]) == ("Synced", "Healthy")
    assert "resources" not in status


async def test_a_repository_that_is_gone_is_told_only_after_a_while(argo: Argo) -> None:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    url, repository = "http://git/shop/cart.git", argo.cart
    del argo.repositories.by_url[url]
    before = argo.app()["status"]["reconciledAt"]
    argo.kernel.clock.advance(1)  # past the periodic comparison
    await asyncio.sleep(0.05)
    assert argo.app()["status"]["sync"]["status"] == "Synced"
    assert argo.app()["status"]["reconciledAt"] == before
    await argo.get("qbot-x-cart", refresh="normal")
    assert argo.app()["status"]["sync"]["status"] == "Unknown"
    argo.repositories.by_url[url] = repository
    await argo.get("qbot-x-cart", refresh="normal")
    assert argo.app()["status"]["sync"]["status"] == "Synced"


async def test_a_refresh_answers_only_when_the_controller_has_compared(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    seen = versions(argo)
    sha = argo.cart.write("main", chart(config=CONFIG))
    app = (await argo.get("qbot-x-cart", refresh="hard")).json()
    note = "argocd.argoproj.io/refresh"
    asked = [(each["metadata"].get("annotations") or {}).get(note) for each in seen]
    assert "hard" in asked
    assert note not in (app["metadata"].get("annotations") or {})
    assert app["status"]["sync"]["revision"] == sha


async def test_a_refresh_can_hang(argo: Argo) -> None:
    await argo.project()
    await argo.create(cart(auto=False))
    argo.kernel.faults.add("argocd", "refresh=normal", "hang", 1)
    task = argo.kernel.spawn(argo.get("qbot-x-cart", refresh="normal"), "refresh")
    assert (await argo.get("qbot-x-cart")).status_code == 200
    assert not task.done()
