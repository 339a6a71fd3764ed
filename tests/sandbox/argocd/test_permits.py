from typing import Any

import pytest

from qbot.sandbox.argocd.permits import (
    SERVER,
    destination_permitted,
    kind_permitted,
    source_permitted,
)


@pytest.mark.parametrize(
    ("patterns", "url", "permitted"),
    [
        (["*"], "http://git/shop/cart.git", True),
        (["http://git/shop/cart"], "http://git/shop/cart.git", True),
        (["http://git/shop/cart.git"], "HTTP://git/Shop/cart", True),
        (["http://git/shop/*"], "http://git/shop/cart.git", True),
        (["http://git/*"], "http://git/shop/cart.git", False),
        (["http://git/**"], "http://git/shop/cart.git", True),
        (["*", "!http://git/shop/cart"], "http://git/shop/cart.git", False),
        ([], "http://git/shop/cart.git", False),
    ],
)
def test_sources_are_globs_with_denials(patterns: list[str], url: str, permitted: bool) -> None:
    assert source_permitted({"sourceRepos": patterns}, url) is permitted


@pytest.mark.parametrize(
    ("entries", "permitted"),
    [
        ([{"server": SERVER, "namespace": "qbot-x"}], True),
        ([{"name": "in-cluster", "namespace": "qbot-x"}], True),
        ([{"server": "*", "namespace": "qbot-*"}], True),
        ([{"server": SERVER, "namespace": "qbot-y"}], False),
        ([{"server": "https://other", "namespace": "qbot-x"}], False),
        ([{"server": "*", "namespace": "*"}, {"server": "*", "namespace": "!qbot-*"}], False),
        ([{"server": "*", "namespace": "*"}, {"server": f"!{SERVER}", "namespace": "*"}], False),
    ],
)
def test_destinations_match_server_or_name_and_namespace(
    entries: list[dict[str, str]], permitted: bool
) -> None:
    spec = {"destinations": entries}
    assert destination_permitted(spec, {"server": SERVER, "namespace": "qbot-x"}) is permitted


@pytest.mark.parametrize(
    ("spec", "group", "kind", "permitted"),
    [
        ({}, "", "Namespace", False),
        ({"clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}]}, "", "Namespace", True),
        ({"clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}, "", "Namespace", True),
        ({}, "apps", "Deployment", True),
        ({"namespaceResourceWhitelist": []}, "apps", "Deployment", True),
        ({"namespaceResourceWhitelist": [{"group": "", "kind": "*"}]}, "apps", "Deployment", False),
        ({"namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}]}, "", "Secret", False),
    ],
)
def test_kinds_follow_the_lists(
    spec: dict[str, Any], group: str, kind: str, permitted: bool
) -> None:
    assert kind_permitted(spec, group, kind, "qbot-x") is permitted


@pytest.mark.parametrize(("name", "permitted"), [("qbot-x", True), ("qbot-y", False)])
def test_a_cluster_wide_kind_may_be_permitted_by_name(name: str, permitted: bool) -> None:
    spec = {"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "qbot-x"}]}
    assert kind_permitted(spec, "", "Namespace", name) is permitted
