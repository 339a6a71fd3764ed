"""manifests/argocd: Qbot deploys by GitOps, and Argo CD's own configuration takes the rest."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from qbot.gateways.argocd.labels import MANAGED
from qbot.gateways.linking import CALLBACK
from qbot.sandbox.argocd.rbac import ACTIONS, RESOURCES, Policy
from qbot.web import link, slack
from qbot.web.hooks import argocd, gitlab
from tests.manifests.kustomize import build, documents
from tests.manifests.rendered import FOLDERS, MANIFESTS, OWN, ROOT, only, rendered
from tests.manifests.validity import check

Json = dict[str, Any]
ARGOCD = MANIFESTS / "argocd"
PROJECT, APPLICATION = documents(ARGOCD / "application.yaml")
(RBAC,) = documents(ARGOCD / "rbac.yaml")
(NOTIFICATIONS,) = documents(ARGOCD / "notifications.yaml")
SWAGGER = ROOT.parent / "shared/contracts/argocd-swagger.json"


@pytest.mark.parametrize("folder", [*FOLDERS, "examples/external-secrets"])
def test_qbots_own_project_allows_what_is_rendered_and_one_namespace(folder: str) -> None:
    spec = PROJECT["spec"]
    kinds = {
        (each["group"], each["kind"])
        for key in ("namespaceResourceWhitelist", "clusterResourceWhitelist")
        for each in spec[key]
    }
    rest = {body["metadata"].get("namespace", "qbot") for body in rendered(folder).values()}
    wanted = {
        (body["apiVersion"].rpartition("/")[0], body["kind"]) for body in rendered(folder).values()
    }
    assert wanted <= kinds
    assert [d["namespace"] for d in spec["destinations"]] == ["qbot"]
    assert rest == {"qbot"}


def test_it_is_deployed_from_what_the_project_allows() -> None:
    spec = APPLICATION["spec"]
    assert spec["project"] == PROJECT["metadata"]["name"]
    assert spec["source"]["repoURL"] in PROJECT["spec"]["sourceRepos"]
    assert spec["destination"] in PROJECT["spec"]["destinations"]
    assert ROOT / spec["source"]["path"] == MANIFESTS / OWN


def test_qbot_has_no_right_over_its_own_deployment() -> None:
    policy = Policy.parse(RBAC["data"]["policy.qbot.csv"])
    project, app = PROJECT["metadata"]["name"], APPLICATION["metadata"]["name"]
    for resource in RESOURCES:
        for action in ACTIONS:
            for thing in (project, app, f"{project}/{app}", f"{project}/argocd/{app}"):
                assert not policy.allows("qbot", resource, action, thing)


@pytest.mark.skipif(not SWAGGER.exists(), reason="the published contract of Argo CD is not here")
@pytest.mark.parametrize("body", [PROJECT, APPLICATION], ids=lambda body: str(body["kind"]))
def test_argocd_knows_every_field(body: Json) -> None:
    known = json.loads(SWAGGER.read_text(encoding="utf-8"))["definitions"]

    def walk(value: Any, schema: Json) -> None:
        schema = known[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        if isinstance(value, dict) and "properties" in schema:
            assert value.keys() <= schema["properties"].keys(), schema.get("title")
            for key, each in value.items():
                walk(each, schema["properties"][key])
        elif isinstance(value, list):
            for each in value:
                walk(each, schema["items"])

    walk(body["spec"], known[f"v1alpha1{body['kind']}"]["properties"]["spec"])


def test_argocds_own_kustomization_takes_it_as_a_component(tmp_path: Path) -> None:
    names = ("argocd-cm", "argocd-rbac-cm", "argocd-notifications-cm")
    has = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": n}, "data": {"own": "x"}}
        for n in names
    ]
    yaml = YAML(typ="safe")
    yaml.dump_all(has, tmp_path / "argocd.yaml")
    (tmp_path / "component").symlink_to(ARGOCD)
    yaml.dump(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": ["argocd.yaml"],
            "components": ["component"],
        },
        tmp_path / "kustomization.yaml",
    )
    found = {body["metadata"]["name"]: body for body in build(tmp_path)}
    for body in found.values():
        check(body)
    assert found.keys() >= set(names)
    for name in names:
        data = found[name]["data"]
        assert data.pop("own") == "x"
        assert data
    assert found["argocd-cm"]["data"] == {"accounts.qbot": "apiKey"}


def test_a_notification_is_one_that_qbot_listens_for() -> None:
    data = NOTIFICATIONS["data"]
    yaml = YAML(typ="safe")
    service = yaml.load(data["service.webhook.qbot"])
    template = yaml.load(data["template.qbot-app-state"])["webhook"]["qbot"]
    assert service["url"] == f"https://qbot.example.com{argocd.PATH}"
    assert template["method"] == "POST"
    body = json.loads(re.sub(r"\{\{toJson [.\w]+\}\}", '"x"', template["body"]))
    assert body == {"app": "x", "project": "x"}
    (subscription,) = yaml.load(data["subscriptions"])
    assert subscription["selector"] == f"{MANAGED}=true"
    assert [f"trigger.{name}" in data for name in subscription["triggers"]] == [True]
    for sent in yaml.load(data["trigger.qbot-app-state"]):
        assert [f"template.{name}" in data for name in sent["send"]] == [True]


def test_the_ingress_leads_to_every_page_for_the_outside_and_to_no_other() -> None:
    (rule,) = only(OWN, "Ingress")["spec"]["rules"]
    paths = {each["path"]: each["pathType"] for each in rule["http"]["paths"]}

    def leads(page: str) -> bool:
        return any(
            page == path or (kind == "Prefix" and page.startswith(f"{path}/"))
            for path, kind in paths.items()
        )

    assert all(leads(p) for p in (slack.PATH, argocd.PATH, gitlab.PATH, link.PATH, CALLBACK))
    assert not any(leads(page) for page in ("/healthz", "/readyz", "/metrics", "/"))
