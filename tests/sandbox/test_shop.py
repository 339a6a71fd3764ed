import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ruamel.yaml import YAML

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.repo_folder import Repositories
from qbot.sandbox.repos import Repository
from qbot.sandbox.shop.fresh import settle
from qbot.sandbox.shop.seed import seed
from qbot.sandbox.shop.services import CORE, services

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
RELEASE = {"Release.Name": "cart", "Release.Namespace": "qbot-feat-x", "Chart.Name": "cart"}
SECONDS = "sandbox.qbot.dev/seconds"


@pytest.fixture(scope="module")
def shop() -> Iterator[Repositories]:
    made = Repositories(Kernel(clock=SandboxClock()))
    seed(made, 100, NOW)
    yield made
    made.clear()


def repository(shop: Repositories, path: str) -> Repository:
    found = shop.get(path)
    assert found is not None
    return found


def values(text: str, prefix: str = "Values") -> dict[str, str]:
    found: dict[str, str] = {}

    def walk(node: dict[str, Any], path: str) -> None:
        for key, value in node.items():
            if isinstance(value, dict):
                walk(value, f"{path}.{key}")
            else:
                found[f"{path}.{key}"] = str(value)

    walk(YAML(typ="safe").load(text), prefix)
    return found


def documents(repository: Repository, chart: str) -> list[dict[str, Any]]:
    files = repository.files(repository.branches()["main"], chart)
    known = RELEASE | values(files["values.yaml"])
    made = []
    for path, text in files.items():
        if path.startswith("templates/"):
            filled = re.sub(r"\{\{ \.([\w.]+) \}\}", lambda m: known[m[1]], text)
            assert "{{" not in filled
            made += list(YAML(typ="safe").load_all(filled))
    return made


def annotations(document: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = document["metadata"].get("annotations", {})
    return found


def test_every_service_has_a_project_and_a_valid_short_name(shop: Repositories) -> None:
    paths = [found.path for found in shop]
    assert len(paths) == len(set(paths)) == 101
    for path in paths:
        assert re.fullmatch(r"shop/[a-z]([a-z0-9-]{0,18}[a-z0-9])?", path)


def test_more_services_than_there_are_names_for_are_refused() -> None:
    assert len(services(250)) == 250
    for count in (0, -1, 10_000):
        with pytest.raises(ValueError, match="the shop can have 1 to"):
            services(count)


def test_the_charts_of_all_services_render_to_the_kinds_that_clusters_know(
    shop: Repositories,
) -> None:
    known = {"ConfigMap", "Secret", "Service", "ServiceAccount"}
    known |= {"Deployment", "StatefulSet", "Ingress", "Job"}
    for service in services(100):
        found = documents(repository(shop, service.project), "chart")
        assert {d["kind"] for d in found} <= known
        assert len({(d["kind"], d["metadata"]["name"]) for d in found}) == len(found)


def test_the_image_tag_reaches_the_deployment(shop: Repositories) -> None:
    deployments = [
        d for d in documents(repository(shop, "shop/cart"), "chart") if d["kind"] == "Deployment"
    ]
    (container,) = deployments[0]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/shop/cart:latest"


def test_the_second_value_file_makes_a_branch_smaller(shop: Repositories) -> None:
    cart = repository(shop, "shop/cart")
    branch = values(cart.read(cart.branches()["main"], "chart/values-branch.yaml") or "")
    assert branch["Values.replicas"] == "1"


def test_hooks_are_where_the_shop_needs_them(shop: Repositories) -> None:
    hooks = {
        (service.name, d["metadata"]["name"].removeprefix("cart-"), hook)
        for service in CORE
        for d in documents(repository(shop, service.project), "chart")
        if (hook := annotations(d).get("argocd.argoproj.io/hook"))
    }
    migrated = ("payments", "orders", "accounts", "catalog", "inventory")
    assert hooks == {(name, "db-migrate", "PreSync") for name in migrated} | {
        ("catalog", "seed-data", "PostSync"),
        ("orders", "drop-database", "PostDelete"),
        ("accounts", "export-data", "PreDelete"),
    }


def test_services_finish_at_different_times_within_three_minutes(shop: Repositories) -> None:
    took = {}
    for service in CORE:
        found = [annotations(d) for d in documents(repository(shop, service.project), "chart")]
        up = [a for a in found if "Delete" not in a.get("argocd.argoproj.io/hook", "")]
        took[service.name] = sum(int(a.get(SECONDS, 0)) for a in up)
    assert len(set(took.values())) == len(took)
    assert min(took.values()) < 40
    assert 130 <= max(took.values()) <= 165


def test_the_base_makes_the_namespace_before_what_lives_in_it(shop: Repositories) -> None:
    found = {d["kind"]: d for d in documents(repository(shop, "shop/environments"), "base")}
    assert found["Namespace"]["metadata"]["name"] == "qbot-feat-x"
    assert {"ResourceQuota", "Secret", "NetworkPolicy", "LimitRange"} < set(found)
    waves = {
        k: int(annotations(d).get("argocd.argoproj.io/sync-wave", 0)) for k, d in found.items()
    }
    assert waves.pop("Namespace") < min(waves.values())


def test_feature_branches_exist_in_some_services_only(shop: Repositories) -> None:
    having: dict[str, set[str]] = {}
    for found in shop:
        for branch in found.branches():
            having.setdefault(branch, set()).add(found.path.removeprefix("shop/"))
    assert len(having.pop("main")) == 101
    assert having == {
        "feat/checkout": {"frontend", "cart", "checkout"},
        "feat/search-facets": {"search", "catalog"},
        "fix/cart-rounding": {"cart"},
        "feat-checkout": {"payments"},
    }


def test_branches_start_from_the_default_branch_and_are_newer(shop: Repositories) -> None:
    cart = repository(shop, "shop/cart")
    tip = cart.commit(cart.branches()["feat/checkout"])
    assert tip.parents == (cart.branches()["main"],)
    assert cart.commit(tip.parents[0]).committed_at < tip.committed_at <= NOW


def test_fresh_shops_have_the_same_commits_for_ten_minutes_and_are_told_of_each_other_nothing(
    shop: Repositories,
) -> None:
    tips: list[dict[str, dict[str, str]]] = []
    for minutes in (0, 9, 10):
        made = Repositories(Kernel(clock=SandboxClock()))
        shown, placed = settle(made, 2, "helm", NOW + timedelta(minutes=minutes, seconds=59))
        assert shown == services(2)
        assert {each.project for each in placed} == {"shop/deployments"}
        tips.append({each.path: each.branches() for each in made})
        repository(made, "shop/cart").set_branch("main", tips[-1]["shop/cart"]["fix/cart-rounding"])
        made.clear()
    assert tips[0] == tips[1]
    assert tips[0]["shop/cart"] == repository(shop, "shop/cart").branches()
    assert tips[0].keys() == tips[2].keys()
    assert tips[0]["shop/cart"] != tips[2]["shop/cart"]
