"""manifests/argocd/admission-policy.yaml, evaluated by a CEL of its own: what Kubernetes would say.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import celpy
import pytest
from celpy.adapter import json_to_cel
from celpy.celtypes import MapType, StringType
from celpy.evaluation import CELEvalError

from qbot.domain.names import EnvName, ServiceName
from qbot.gateways.argocd.policy import DEFAULT_KINDS, BaseChart
from qbot.gateways.argocd.specs import project
from tests.gateways.argocd.world import ENV, POLICY, SERVICE
from tests.manifests.kustomize import documents
from tests.manifests.rendered import MANIFESTS

Json = dict[str, Any]
WHOLE, BINDING = documents(MANIFESTS / "argocd" / "admission-policy.yaml")
SPEC: Json = WHOLE["spec"]
SHOP = "https://gitlab.example.com/shop/"
PLACE, SOURCES, CLUSTER, KINDS, ROLES = (each["message"] for each in SPEC["validations"])
CEL = celpy.Environment()


@lru_cache
def program(expression: str) -> Any:
    return CEL.program(CEL.compile(expression))


def evaluated(expression: str, known: dict[str, Any]) -> Any:
    """The value, or None where there is none, as for a field that is missing."""
    try:
        return program(expression).evaluate(known)
    except CELEvalError:
        return None


def refusals(body: Json) -> list[str]:
    """The messages of all that Kubernetes refuses it for."""
    known: dict[str, Any] = {"object": json_to_cel(body)}
    if not all(evaluated(each["expression"], known) for each in SPEC["matchConditions"]):
        return []
    variables = {
        StringType(v["name"]): evaluated(v["expression"], known) for v in SPEC["variables"]
    }
    known["variables"] = MapType(variables)
    return [v["message"] for v in SPEC["validations"] if not evaluated(v["expression"], known)]


def written(name: str = "qbot-x", services: Iterable[str] = ("cart", "web-shop_2.0")) -> Json:
    """The AppProject that Qbot writes for an environment of these services."""
    policy = replace(POLICY, base=BaseChart(f"{SHOP}environments.git", "base", "main"))
    made = [
        replace(SERVICE, name=ServiceName(s), repo_url=f"{SHOP}group/{s}.git") for s in services
    ]
    return project(replace(ENV, name=EnvName(name)), made, policy)


@pytest.mark.parametrize("name", ["qbot-x", "qbot-feat-checkout-4f2a9c"])
@pytest.mark.parametrize("services", [[], ["cart"], ["cart", "web", "orders"]])
def test_what_qbot_writes_is_let_in(name: str, services: list[str]) -> None:
    assert refusals(written(name, services)) == []


def test_so_is_what_an_older_argocd_keeps_of_it() -> None:
    body = written()
    for kind in body["spec"]["clusterResourceWhitelist"]:
        del kind["name"]
    assert refusals(body) == []


def test_the_kinds_are_those_that_qbot_allows_where_its_configuration_names_none() -> None:
    (listed,) = (v["expression"] for v in SPEC["variables"] if v["name"] == "kinds")
    theirs = {kind if "/" in kind else f"/{kind}" for kind in DEFAULT_KINDS}
    assert {str(kind) for kind in program(listed).evaluate({})} == theirs


def test_projects_of_others_are_none_of_its_business() -> None:
    body = written("team-x")
    body["spec"] = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
    assert refusals(body) == []


def spec(**more: Any) -> Callable[[Json], None]:
    return lambda body: body["spec"].update(more)


def without(key: str) -> Callable[[Json], None]:
    return lambda body: body["spec"].pop(key)


def destination(**more: Any) -> Callable[[Json], None]:
    return lambda body: body["spec"]["destinations"][0].update(more)


def another(**place: Any) -> Callable[[Json], None]:
    return lambda body: body["spec"]["destinations"].append(place)


def source(url: str) -> Callable[[Json], None]:
    return lambda body: body["spec"]["sourceRepos"].append(url)


def wide(**kind: Any) -> Callable[[Json], None]:
    return lambda body: body["spec"]["clusterResourceWhitelist"].append(kind)


def kind(**kind: Any) -> Callable[[Json], None]:
    return lambda body: body["spec"]["namespaceResourceWhitelist"].append(kind)


HERE = "https://kubernetes.default.svc"
REFUSED = [
    (without("destinations"), PLACE),
    (spec(destinations=[]), PLACE),
    (destination(namespace="argocd"), PLACE),
    (destination(namespace="*"), PLACE),
    (destination(namespace="qbot-y"), PLACE),
    (destination(namespace="!kube-system"), PLACE),
    (destination(server="*"), PLACE),
    (destination(server="https://other.example.com"), PLACE),
    (lambda body: body["spec"]["destinations"][0].pop("server"), PLACE),
    (lambda body: body["spec"]["destinations"][0].pop("namespace"), PLACE),
    (spec(destinations=[{"name": "in-cluster", "namespace": "qbot-x"}]), PLACE),
    (destination(name="*"), PLACE),
    (destination(name="in-cluster"), PLACE),
    (another(server=HERE, namespace="argocd"), PLACE),
    (without("sourceRepos"), SOURCES),
    (spec(sourceRepos=[]), SOURCES),
    (source("*"), SOURCES),
    (source("https://evil.example.com/shop/x.git"), SOURCES),
    (source("https://gitlab.example.com/other/x.git"), SOURCES),
    (source("https://gitlab.example.com/shop-evil/x.git"), SOURCES),
    (source(f"{SHOP}../other/x.git"), SOURCES),
    (source(f"{SHOP}%2e%2e/other/x.git"), SOURCES),
    (source(f"{SHOP}*"), SOURCES),
    (source(f"{SHOP}x?.git"), SOURCES),
    (source(f"x{SHOP}x.git"), SOURCES),
    (wide(group="", kind="Node"), CLUSTER),
    (wide(group="*", kind="*"), CLUSTER),
    (wide(group="rbac.authorization.k8s.io", kind="ClusterRoleBinding"), CLUSTER),
    (wide(group="", kind="Namespace", name="kube-system"), CLUSTER),
    (wide(group="", kind="Namespace", name="*"), CLUSTER),
    (without("namespaceResourceWhitelist"), KINDS),
    (spec(namespaceResourceWhitelist=[]), KINDS),
    (kind(group="*", kind="*"), KINDS),
    (kind(group="argoproj.io", kind="Application"), KINDS),
    (kind(group="argoproj.io", kind="AppProject"), KINDS),
    (kind(group="", kind="*"), KINDS),
    (spec(roles=[{"name": "admin", "policies": ["p, proj:qbot-x:admin, *, *, *, allow"]}]), ROLES),
    (spec(sourceNamespaces=["*"]), ROLES),
    (
        spec(
            destinationServiceAccounts=[
                {"server": "*", "namespace": "*", "defaultServiceAccount": "a"}
            ]
        ),
        ROLES,
    ),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_reaches_further_is_refused_for_its_reason(
    change: Callable[[Json], Any], message: str
) -> None:
    body = copy.deepcopy(written())
    change(body)
    assert refusals(body) == [message]


def test_a_project_that_says_nothing_is_refused() -> None:
    body = {"metadata": {"name": "qbot-x"}, "spec": {}}
    assert refusals(body) == [PLACE, SOURCES, KINDS]


def test_it_is_in_force_and_refuses_where_it_cannot_judge() -> None:
    assert BINDING["spec"]["policyName"] == WHOLE["metadata"]["name"]
    assert "Deny" in BINDING["spec"]["validationActions"]
    assert "matchResources" not in BINDING["spec"]
    assert SPEC["failurePolicy"] == "Fail"
    (rule,) = SPEC["matchConstraints"]["resourceRules"]
    assert rule["resources"] == ["appprojects"]
    assert set(rule["operations"]) == {"CREATE", "UPDATE"}
