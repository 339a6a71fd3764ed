import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.names import ServiceName, branch_name, env_name
from qbot.domain.people import Actor
from qbot.domain.services import Image, Source
from qbot.errors import PermanentError, UserError
from qbot.gateways.argocd.policy import DEFAULT_KINDS, BaseChart, SpecPolicy
from qbot.gateways.argocd.specs import application, base, project, target_revision
from tests.gateways.argocd.world import (
    BASE_REPO,
    CART_REPO,
    ENV,
    POLICY,
    SERVICE,
    SHA,
    environment,
    plan,
)
from tests.schemas import draft4

Json = dict[str, Any]
DIGEST = f"sha256:{'d' * 64}"
SWAGGER = Path(__file__).parents[4] / "shared/contracts/argocd-swagger.json"
LABELS = {
    "qbot.dev/managed": "true",
    "qbot.dev/env": ENV.id,
    "qbot.dev/owner-id": "T1-U1",
    "qbot.dev/shard": "7",
}


def test_a_service_becomes_exactly_this_application() -> None:
    assert application(ENV, SERVICE, plan(), POLICY) == {
        "metadata": {
            "name": "qbot-x-cart",
            "labels": LABELS,
            "annotations": {
                "qbot.dev/branch": "x",
                "qbot.dev/name": "qbot-x",
                "qbot.dev/service": "cart",
            },
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "qbot-x",
            "source": {
                "repoURL": CART_REPO,
                "path": "chart",
                "targetRevision": SHA,
                "helm": {
                    "releaseName": "cart",
                    "parameters": [{"name": "image.tag", "value": SHA[:8], "forceString": True}],
                },
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "qbot-x"},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "retry": {
                    "limit": 3,
                    "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"},
                },
            },
            "revisionHistoryLimit": 1,
        },
    }


def test_the_base_is_an_application_like_the_others() -> None:
    found = base(ENV, POLICY)
    assert found["metadata"]["name"] == "qbot-x-base"
    assert found["spec"]["source"] == {
        "repoURL": BASE_REPO,
        "path": "chart",
        "targetRevision": "main",
        "helm": {"releaseName": "base"},
    }
    assert found["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]


def test_the_project_allows_exactly_what_is_needed() -> None:
    policy = SpecPolicy(base=POLICY.base, kinds=("Secret", "apps/Deployment"))
    found = project(ENV, [SERVICE], policy)
    assert found["metadata"]["labels"] == LABELS
    assert found["spec"] == {
        "description": "Branch environment qbot-x, made and deleted by Qbot",
        "sourceRepos": [CART_REPO, BASE_REPO],
        "destinations": [{"server": "https://kubernetes.default.svc", "namespace": "qbot-x"}],
        "clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "qbot-x"}],
        "namespaceResourceWhitelist": [
            {"group": "", "kind": "Secret"},
            {"group": "apps", "kind": "Deployment"},
        ],
    }


def test_an_empty_list_of_kinds_does_not_become_leave_for_all() -> None:
    found = project(ENV, [SERVICE], POLICY)["spec"]["namespaceResourceWhitelist"]
    assert len(found) == len(DEFAULT_KINDS)


def test_no_application_may_create_the_namespace_by_a_sync_option() -> None:
    with pytest.raises(PermanentError, match="CreateNamespace"):
        SpecPolicy(base=POLICY.base, sync_options=("CreateNamespace=true",))


def test_options_labels_and_values_come_from_the_policy() -> None:
    policy = SpecPolicy(
        base=BaseChart(BASE_REPO, "b", "v1", ("small.yaml",), {"host": "{env}.example.com"}),
        sync_options=("ServerSideApply=true",),
        extra_labels={"team": "shop", "qbot.dev/env": "forged"},
        prune=False,
    )
    found = base(ENV, policy)
    assert found["metadata"]["labels"] == {**LABELS, "team": "shop"}
    assert found["spec"]["syncPolicy"]["syncOptions"] == ["ServerSideApply=true"]
    assert found["spec"]["syncPolicy"]["automated"] == {"prune": False, "selfHeal": True}
    assert found["spec"]["source"]["helm"] == {
        "releaseName": "base",
        "valueFiles": ["small.yaml"],
        "parameters": [{"name": "host", "value": "qbot-x.example.com", "forceString": True}],
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(Source.BRANCH, "refs/heads/1.x", id="branch-in-full"),
        pytest.param(Source.DEFAULT, SHA, id="default-stays-pinned"),
        pytest.param(Source.SET, SHA, id="asked-for"),
        pytest.param(Source.PINNED, SHA, id="put-back"),
    ],
)
def test_argo_cd_follows_the_branch_only_where_there_is_one(source: Source, expected: str) -> None:
    policy = SpecPolicy(base=POLICY.base, track="branch")
    assert target_revision(plan(source=source, ref="1.x"), policy) == expected


@pytest.mark.parametrize(
    ("image", "value"),
    [
        pytest.param("1.4.2", "1.4.2", id="tag"),
        pytest.param(DIGEST, f"{SHA[:8]}@{DIGEST}", id="digest-behind-the-commits-own-tag"),
    ],
)
def test_an_image_that_was_asked_for_goes_where_the_commits_own_would(
    image: str, value: str
) -> None:
    made = application(ENV, SERVICE, replace(plan(), image=image), POLICY)["spec"]["source"]
    assert made["targetRevision"] == SHA
    assert made["helm"]["parameters"] == [
        {"name": "image.tag", "value": value, "forceString": True}
    ]


def test_a_chart_that_reads_the_tag_from_values_has_it_there() -> None:
    image = Image("registry/cart", "{short_sha}", "image.tag", "app.tag")
    service = replace(SERVICE, image=image)
    helm = application(ENV, service, plan(), POLICY)["spec"]["source"]["helm"]
    assert helm == {"releaseName": "cart", "valuesObject": {"app": {"tag": SHA[:8]}}}
    asked = application(ENV, service, replace(plan(), image="1.4.2"), POLICY)
    assert asked["spec"]["source"]["helm"]["valuesObject"] == {"app": {"tag": "1.4.2"}}


LABEL_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
BRANCHES = st.text(min_size=1, max_size=120) | st.from_regex(
    r"(feat|FIX)/[`<>!|@{}$,a-z0-9_.\u202e-]{1,100}", fullmatch=True
)


@given(branch=BRANCHES, user=st.text(max_size=80))
def test_kubernetes_takes_the_metadata_of_any_branch_and_person(branch: str, user: str) -> None:
    try:
        name = branch_name(branch)
    except UserError:
        return
    env = environment(name)
    env = type(env)(
        id=env.id,
        name=env_name(name, prefix="qbot"),
        branch=name,
        owner=Actor("T1", user),
        phase=env.phase,
        created_at=env.created_at,
    )
    for thing in (
        application(env, SERVICE, plan(), POLICY),
        base(env, POLICY),
        project(env, [SERVICE], POLICY),
    ):
        meta = thing["metadata"]
        assert DNS_LABEL.fullmatch(meta["name"])
        for key, value in meta["labels"].items():
            assert LABEL_KEY.fullmatch(key)
            assert LABEL_VALUE.fullmatch(value)
        for key in meta["annotations"]:
            assert LABEL_KEY.fullmatch(key)
        assert meta["annotations"]["qbot.dev/branch"] == name
        assert sum(len(v.encode()) for v in meta["annotations"].values()) < 2**18
        json.dumps(thing).encode()


def _strict(definitions: Json) -> Json:
    """The contract with unknown keys refused, which swagger itself lets pass."""
    return {
        name: {**d, "additionalProperties": False}
        if d.get("properties") and "additionalProperties" not in d
        else d
        for name, d in definitions.items()
    }


@pytest.mark.skipif(not SWAGGER.exists(), reason="Argo CD's contract is not at hand")
@pytest.mark.parametrize(
    ("definition", "body"),
    [
        pytest.param(
            "v1alpha1Application", application(ENV, SERVICE, plan(), POLICY), id="service"
        ),
        pytest.param("v1alpha1Application", base(ENV, POLICY), id="base"),
        pytest.param(
            "projectProjectCreateRequest",
            {"project": project(ENV, [SERVICE], POLICY), "upsert": True},
            id="project",
        ),
        pytest.param(
            "applicationApplicationSyncRequest",
            {
                "project": "qbot-x",
                "prune": True,
                "dryRun": False,
                "infos": [{"name": "qbot-op", "value": "op-1"}],
            },
            id="sync",
        ),
    ],
)
def test_what_is_sent_fits_the_vendors_contract(definition: str, body: Json) -> None:
    definitions = _strict(json.loads(SWAGGER.read_text())["definitions"])
    schema = {"$ref": f"#/definitions/{definition}", "definitions": definitions}
    draft4(schema).validate(body)


def test_a_service_keeps_its_name_as_release_in_every_environment() -> None:
    other = type(SERVICE)(
        name=ServiceName("search"),
        project=SERVICE.project,
        repo_url=SERVICE.repo_url,
        default_branch="main",
        chart="deploy/chart",
        value_files=("a.yaml", "b.yaml"),
    )
    source = application(ENV, other, plan(), POLICY)["spec"]["source"]
    assert source["path"] == "deploy/chart"
    assert source["helm"] == {"releaseName": "search", "valueFiles": ["a.yaml", "b.yaml"]}
