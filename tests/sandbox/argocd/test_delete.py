"""Deleting Applications and what was deployed."""

from functools import partial

import pytest

from tests.sandbox.argocd.world import (
    CONFIG,
    Argo,
    base,
    cart,
    chart,
    job,
    project,
    ready,
    refusal,
    running,
    versions,
)

CASCADE = "resources-finalizer.argocd.argoproj.io"


@pytest.fixture
async def deployed(argo: Argo) -> Argo:
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    return argo


def gone(argo: Argo, name: str) -> bool:
    return not argo.app(name)


def holds(argo: Argo, kinds: list[str]) -> bool:
    return tracked(argo) == kinds


def tracked(argo: Argo, name: str = "qbot-x-cart") -> list[str]:
    return sorted(each.manifest.kind for each in argo.standin.engine.cluster.tracked(name))


async def test_a_deletion_is_asked_for_at_once_and_done_later(deployed: Argo) -> None:
    response = await deployed.delete()
    assert (response.status_code, response.json()) == (200, {})
    dying = (await deployed.get("qbot-x-cart")).json()
    assert "deletionTimestamp" in dying["metadata"]
    await deployed.until(lambda: not deployed.app())
    assert refusal(await deployed.get("qbot-x-cart"))[:2] == (404, 5)
    assert tracked(deployed) == []


@pytest.mark.parametrize(
    ("policy", "finalizers"),
    [
        ("", [CASCADE]),
        ("foreground", [CASCADE, f"{CASCADE}/foreground"]),
        ("background", [CASCADE, f"{CASCADE}/background"]),
    ],
)
async def test_a_deletion_adds_the_finalizer_of_its_policy(
    policy: str, finalizers: list[str]
) -> None:
    async with running(speed=0.05) as argo:
        await argo.project()
        await argo.create(cart(), validate="false")
        query = {"propagationPolicy": policy} if policy else {}
        for _ in range(2):  # a repeat is 200 as well
            assert (await argo.delete(**query)).status_code == 200
        assert argo.app()["metadata"]["finalizers"] == finalizers


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"propagationPolicy": "sideways"}, "invalid propagation policy: sideways"),
        (
            {"propagationPolicy": "sideways", "cascade": "false"},
            "cannot set propagation policy when cascading is disabled",
        ),
    ],
)
async def test_a_policy_that_makes_no_sense_is_400(
    deployed: Argo, query: dict[str, str], message: str
) -> None:
    assert refusal(await deployed.delete(**query)) == (400, 3, message)
    assert "deletionTimestamp" not in deployed.app()["metadata"]


async def test_without_cascade_resources_become_orphans(deployed: Argo) -> None:
    assert (await deployed.delete(cascade="false")).json() == {}
    assert not deployed.app()
    assert tracked(deployed) == []
    left = deployed.standin.engine.cluster.get(("", "ConfigMap", "qbot-x", "cart"))
    assert left is not None
    assert left.app == ""


async def test_without_its_project_a_deletion_is_stuck_and_says_so(deployed: Argo) -> None:
    deployed.standin.projects.remove("qbot-x")
    await deployed.delete()
    found = await deployed.until(
        lambda: [
            each["message"]
            for each in deployed.app()["status"].get("conditions", ())
            if each["type"] == "DeletionError"
        ]
    )
    assert found == [
        'error getting app project "qbot-x": appproject.argoproj.io "qbot-x" not found'
    ]
    await deployed.client.post("/api/v1/projects", json={"project": project()})
    await deployed.until(lambda: not deployed.app())


async def test_a_running_operation_holds_the_deletion_up(deployed: Argo) -> None:
    deployed.cart.write("main", chart(a=job("db-migrate", "PreSync"), b=CONFIG))
    await deployed.pin(hook="db-migrate", phase="Running")
    await deployed.get("qbot-x-cart", refresh="normal")
    await deployed.until(lambda: "Job" in tracked(deployed))
    await deployed.delete()
    deployed.kernel.clock.advance(3600)
    assert deployed.app()["operation"]
    url = "/api/v1/applications/qbot-x-cart/operation?project=qbot-x"
    assert (await deployed.client.delete(url)).status_code == 200
    await deployed.until(lambda: not deployed.app())


async def test_hooks_of_a_deletion_run_before_and_after(argo: Argo) -> None:
    before, after = job("export-data", "PreDelete"), job("drop-database", "PostDelete")
    argo.cart.write("main", chart(a=before, b=CONFIG, c=after))
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    assert [each.split(".")[0] for each in argo.app()["metadata"]["finalizers"]] == [
        "resources-finalizer",
        "pre-delete-finalizer",
        "pre-delete-finalizer",
        "post-delete-finalizer",
        "post-delete-finalizer",
    ]
    for name, kinds in (("export-data", ["ConfigMap", "Job"]), ("drop-database", ["Job"])):
        await argo.pin(hook=name, phase="Running")
        if name == "export-data":
            await argo.pin(hook="drop-database", phase="Running")
            await argo.delete()
        await argo.until(partial(holds, argo, kinds))
        assert argo.app()
        await argo.pin(hook=name, phase="Succeeded")
    await argo.until(lambda: not argo.app())


async def test_a_hook_that_fails_blocks_the_deletion_and_says_so(argo: Argo) -> None:
    argo.cart.write("main", chart(a=job("export-data", "PreDelete"), b=CONFIG))
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    await argo.pin(hook="export-data", phase="Failed")
    await argo.delete()
    (found,) = await argo.until(lambda: argo.app()["status"].get("conditions"))
    assert found["type"] == "DeletionError"
    assert found["message"] == "PreDelete hook(s) failed: qbot-x/cart-export-data"
    await argo.pin(hook="export-data", phase="Succeeded")
    await argo.until(lambda: not argo.app())


async def test_the_namespace_goes_with_the_application_that_owns_it(deployed: Argo) -> None:
    await deployed.delete()
    await deployed.until(lambda: not deployed.app())
    assert deployed.standin.state()["namespaces"] == ["qbot-x"]
    await deployed.delete("qbot-x-base")
    await deployed.until(lambda: not deployed.app("qbot-x-base"))
    assert deployed.standin.state()["namespaces"] == []


async def test_a_namespace_takes_along_all_that_is_in_it(deployed: Argo) -> None:
    await deployed.delete("qbot-x-base")
    await deployed.until(lambda: not deployed.app("qbot-x-base"))
    assert deployed.standin.engine.cluster.get(("", "ConfigMap", "qbot-x", "cart")) is None
    assert deployed.app(), "nobody asked for the Application to go"


async def test_nothing_can_be_created_in_a_namespace_that_goes(deployed: Argo) -> None:
    deployed.standin.engine.cluster.namespaces["qbot-x"] = "Terminating"
    deployed.cart.write("main", chart(config=CONFIG.replace("name: {{", "name: new-{{")))
    await deployed.get("qbot-x-cart", refresh="normal")
    await deployed.until(
        lambda: "being terminated" in str(deployed.app()["status"].get("operationState"))
    )


async def test_a_proof_of_deletion_is_that_nothing_is_left(deployed: Argo) -> None:
    for name in ("qbot-x-cart", "qbot-x-base"):
        await deployed.delete(name)
        await deployed.until(partial(gone, deployed, name))
    await deployed.client.delete("/api/v1/projects/qbot-x")
    assert deployed.standin.state() == {"applications": [], "projects": [], "namespaces": []}
    assert set(deployed.standin.engine.cluster.namespaces) == {"argocd", "default", "kube-system"}


async def test_auto_sync_ends_with_the_deletion(deployed: Argo) -> None:
    seen = versions(deployed)
    await deployed.delete()
    await deployed.until(lambda: not deployed.app())
    assert not any("operation" in each for each in seen)


async def test_a_recreated_application_is_another_object(deployed: Argo) -> None:
    uid = deployed.app()["metadata"]["uid"]
    await deployed.delete()
    await deployed.until(lambda: not deployed.app())
    again = (await deployed.create(cart())).json()
    assert again["metadata"]["uid"] != uid
    assert "history" not in again["status"]


async def test_an_object_told_to_stay_stays(argo: Argo) -> None:
    note = '  annotations:\n    argocd.argoproj.io/sync-options: "Delete=false"\n'
    argo.cart.write("main", chart(config=CONFIG.replace("metadata:\n", f"metadata:\n{note}")))
    await argo.environment(cart())
    await argo.until(lambda: ready(argo.app()))
    await argo.delete()
    await argo.until(lambda: not argo.app())
    assert argo.standin.engine.cluster.get(("", "ConfigMap", "qbot-x", "cart")) is not None


async def test_the_base_without_its_finalizer_leaves_the_namespace_behind(argo: Argo) -> None:
    app = base()
    del app["metadata"]["finalizers"]
    await argo.project()
    await argo.create(app)
    await argo.until(lambda: ready(argo.app("qbot-x-base")))
    await argo.delete("qbot-x-base", cascade="false")
    assert argo.standin.state()["namespaces"] == ["qbot-x"]
