"""What stands in Argo CD after a create, field by field, as the stand-in tells it."""

from typing import Any

import pytest

from tests.journeys.conftest import SERVICES
from tests.journeys.test_life import ready
from tests.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
FINALIZER = "resources-finalizer.argocd.argoproj.io"
CLUSTER = "https://kubernetes.default.svc"


async def test_project_base_and_services_are_exactly_what_was_decided(shared: World) -> None:
    drive = shared.drive
    name = await ready(shared, "feat/specs", "cart")
    state = await drive.state()
    apps = {a["name"]: a for a in state["applications"] if a["project"] == name}
    assert len(apps) == SERVICES + 1
    project = next(p for p in state["projects"] if p["name"] == name)
    _project(project["spec"], name, drive.url)
    _service(apps[f"{name}-cart"], name, state["branches"]["shop/cart"]["feat/specs"], drive.url)
    _service(apps[f"{name}-orders"], name, state["branches"]["shop/orders"]["main"], drive.url)
    _base(apps[f"{name}-base"], name, drive.url)
    assert name in state["namespaces"]


def _project(spec: dict[str, Any], name: str, url: str) -> None:
    repos = {r.removeprefix(f"{url}/gitlab/") for r in spec["sourceRepos"]}
    assert "shop/environments.git" in repos
    assert "shop/cart.git" in repos
    assert len(repos) == SERVICES + 1
    assert [(d["server"], d["namespace"]) for d in spec["destinations"]] == [(CLUSTER, name)]
    assert [(k["group"], k["kind"]) for k in spec["clusterResourceWhitelist"]] == [
        ("", "Namespace")
    ]
    kinds = {(k["group"], k["kind"]) for k in spec["namespaceResourceWhitelist"]}
    assert {("apps", "Deployment"), ("", "Secret"), ("batch", "Job")} <= kinds
    assert "*" not in str(kinds)
    assert "orphanedResources" not in spec


def _service(app: dict[str, Any], name: str, sha: str, url: str) -> None:
    service = app["name"].removeprefix(f"{name}-")
    spec, source = app["spec"], app["spec"]["source"]
    assert spec["project"] == name
    assert spec["destination"] == {"server": CLUSTER, "namespace": name}
    assert source["repoURL"] == f"{url}/gitlab/shop/{service}.git"
    assert source["path"] == "chart"
    assert source["targetRevision"] == sha
    assert source["helm"]["releaseName"] == service
    assert source["helm"]["valueFiles"] == ["values-branch.yaml"]
    parameters = {p["name"]: p["value"] for p in source["helm"]["parameters"]}
    assert parameters["image.tag"] == sha
    _common(app)


def _base(app: dict[str, Any], name: str, url: str) -> None:
    source = app["spec"]["source"]
    assert source["repoURL"] == f"{url}/gitlab/shop/environments.git"
    assert (source["path"], source["targetRevision"]) == ("base", "main")
    assert app["spec"]["destination"]["namespace"] == name
    _common(app)


def _common(app: dict[str, Any]) -> None:
    spec = app["spec"]
    assert spec["revisionHistoryLimit"] == 1
    assert spec["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True}
    assert "CreateNamespace" not in str(spec["syncPolicy"].get("syncOptions", ""))
    assert FINALIZER in app["finalizers"]
    labels = {k.removeprefix("qbot.dev/"): v for k, v in app["labels"].items()}
    assert set(labels) >= {"managed", "env", "owner-id", "shard"}
    assert labels["managed"] == "true"
    assert "feat/specs" not in str(labels)
    assert "feat/specs" in str(app["annotations"])
