import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.health import AppState, Broken, Ready, Waiting, verdict
from qbot.domain.names import ProjectPath
from qbot.gateways.argocd.states import WATCHED, pending_hooks, state
from tests.gateways.argocd.world import CART, ENV, SHA, application

Json = dict[str, Any]


def test_a_deployed_application_is_read_whole() -> None:
    assert state(application(version=41)) == AppState(
        name=ENV.app(CART),
        env=ENV.id,
        service=CART,
        version=41,
        wanted=SHA,
        sync="Synced",
        revision=SHA,
        health="Healthy",
        phase="Succeeded",
        message="successfully synced (all tasks run)",
        synced_revision=SHA,
        started_at=datetime(2026, 1, 5, 9, 0, 0, tzinfo=UTC),
        finished_at=datetime(2026, 1, 5, 9, 0, 5, tzinfo=UTC),
        reconciled_at=datetime(2026, 1, 5, 9, 0, 10, tzinfo=UTC),
        resources=1,
        info="op-1",
    )
    assert verdict(state(application()), wanted=SHA, since=None) == Ready()


def test_an_application_that_was_just_made_has_a_nearly_empty_status() -> None:
    app = application()
    app["status"] = {"health": {}, "summary": {}, "sync": {"status": "", "comparedTo": {}}}
    found = state(app)
    assert (found.sync, found.health, found.phase, found.resources) == ("", "", "", 0)


def test_nulls_are_as_good_as_nothing() -> None:
    app = {
        "metadata": {"name": "a", "labels": None, "annotations": None, "finalizers": None},
        "spec": None,
        "operation": None,
        "status": {"conditions": None, "resources": None, "operationState": None},
    }
    assert state(app).requested is False


def of_two_sources(*, swapped: bool = False) -> Json:
    app, chart = application(), "b" * 40
    sources: list[Json] = [
        {"repoURL": "https://git.example/charts/service.git", "targetRevision": "v1"},
        {"repoURL": "git@git.example:Shop/Deployments.git", "ref": "values", "targetRevision": SHA},
    ]
    commits = [chart, SHA]
    if swapped:
        sources, commits = sources[::-1], commits[::-1]
    app["spec"] = {"project": "production", "sources": sources}
    status = app["status"]
    for told in (status["sync"], status["operationState"]["syncResult"]):
        del told["revision"]
        told["revisions"] = commits
    return app


@pytest.mark.parametrize("swapped", [False, True])
def test_of_several_sources_the_one_in_the_configuration_repository_counts(
    *, swapped: bool
) -> None:
    found = state(of_two_sources(swapped=swapped), ProjectPath("shop/deployments"))
    assert (found.revision, found.synced_revision, found.wanted) == (SHA, SHA, SHA)
    assert verdict(found, wanted=SHA, since=None) == Ready()


@pytest.mark.parametrize(
    "config", [ProjectPath("deployments/shop"), ProjectPath("x/shop/deployments"), None]
)
def test_where_no_source_is_in_it_no_commit_counts(config: ProjectPath | None) -> None:
    found = state(of_two_sources(), config)
    assert (found.revision, found.synced_revision, found.wanted) == ("", "", "")


def test_what_git_no_longer_has_and_no_sync_removes_is_named_at_once() -> None:
    app = application()
    app["status"]["sync"]["status"] = "OutOfSync"
    app["status"]["resources"] += [{"kind": "ConfigMap", "name": "old", "requiresPruning": True}]
    found = state(app)
    assert verdict(found, wanted=SHA, since=None) == Broken(
        "ConfigMap/old is no longer in git, and its sync does not prune."
    )
    app["status"]["operationState"]["syncResult"]["revision"] = "b" * 40
    assert isinstance(verdict(state(app), wanted=SHA, since=None), Waiting)


def unwell(**app: Any) -> str:
    return state({**application(), **app}).waits_for


def test_the_hook_of_a_running_sync_is_named() -> None:
    app = application()
    app["status"]["operationState"] = {
        "phase": "Running",
        "message": "waiting for completion of hook batch/Job/db-migrate",
    }
    assert state(app).waits_for == "hook Job/db-migrate"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            {"kind": "Job", "name": "db", "hookType": "PreSync", "hookPhase": "Failed",
             "message": "Job has reached the specified backoff limit"},
            "PreSync hook Job/db: Job has reached the specified backoff limit",
        ),
        (
            {"kind": "Service", "name": "web", "status": "SyncFailed", "message": "port in use"},
            "Service/web: port in use",
        ),
        (
            {"kind": "Deployment", "name": "web", "hookPhase": "Failed", "message": "no pull"},
            "Deployment/web: no pull",
        ),
        ({"kind": "Service", "name": "web", "status": "Synced"}, ""),
    ],
    ids=["hook", "resource", "resource-with-a-phase", "neither"],
)  # fmt: skip
def test_what_a_failed_sync_failed_at_is_named(result: Json, words: str) -> None:
    app = application()
    app["status"]["operationState"] |= {"phase": "Failed", "syncResult": {"resources": [result]}}
    assert state(app).waits_for == words


def test_the_worst_resource_is_named_with_what_kubernetes_says_of_it() -> None:
    app = application()
    app["status"]["resources"] = [
        {"kind": "Ingress", "name": "a", "health": {"status": "Progressing"}},
        {"kind": "Deployment", "name": "b", "health": {"status": "Degraded", "message": "no pull"}},
        {"kind": "ConfigMap", "name": "c"},
    ]
    assert state(app).waits_for == "Deployment/b: no pull"


@pytest.mark.parametrize(
    ("finalizer", "words"),
    [
        ("pre-delete-finalizer.argocd.argoproj.io", "PreDelete hooks"),
        ("post-delete-finalizer.argocd.argoproj.io/cleanup", "PostDelete hooks"),
        ("resources-finalizer.argocd.argoproj.io", ""),
    ],
)
def test_deletion_hooks_are_seen_by_their_finalizers(finalizer: str, words: str) -> None:
    app = application(finalizers=[finalizer], deletionTimestamp="2026-01-05T09:00:00Z")
    assert pending_hooks(app) == words
    assert state(app).waits_for == words
    assert state(app).deleting


def test_only_errors_among_the_conditions_count() -> None:
    app = application()
    app["status"]["conditions"] = [
        {"type": "OrphanedResourceWarning", "message": "x"},
        {"type": "ComparisonError", "message": "y"},
    ]
    assert state(app).conditions == (("ComparisonError", "y"),)


def test_another_operations_infos_are_not_ours() -> None:
    app = application()
    app["status"]["operationState"]["operation"]["info"] = [{"name": "Reason", "value": "x"}]
    assert state(app).info == ""


def test_a_version_that_is_no_number_is_the_oldest() -> None:
    assert state(application(resourceVersion="abc")).version == 0


def test_the_watch_asks_for_everything_that_is_read() -> None:
    """Filtered as Argo CD filters, the state is the same."""
    app = application(
        finalizers=["pre-delete-finalizer.argocd.argoproj.io"], annotations={"a": "b"}
    )
    app["operation"] = {"sync": {"revision": SHA}}
    app["status"]["conditions"] = [{"type": "SyncError", "message": "y"}]
    app["status"]["health"]["message"] = "m"
    assert state(_sieve(app, "")) == state(app)


def _sieve(thing: Any, path: str) -> Any:
    if isinstance(thing, list):
        return [_sieve(each, path) for each in thing]
    if not isinstance(thing, dict):
        return thing
    kept = {}
    for key, value in thing.items():
        here = f"{path}.{key}" if path else key
        if here in WATCHED:
            kept[key] = value
        elif any(field.startswith(here) for field in WATCHED):
            kept[key] = _sieve(value, here)
    return kept


def test_long_messages_are_cut() -> None:
    app = application()
    app["status"]["operationState"]["message"] = "x" * 10_000
    assert len(state(app).message) == 300


def _size(make: Callable[[int], AppState]) -> float:
    """Bytes per state with its strings and times, shared ones counted once."""
    seen: dict[int, int] = {}

    def weigh(thing: Any) -> None:
        if id(thing) in seen:
            return
        seen[id(thing)] = sys.getsizeof(thing)
        for slot in getattr(type(thing), "__slots__", ()):
            weigh(getattr(thing, slot))
        if isinstance(thing, tuple):
            for each in thing:
                weigh(each)

    states = [make(i) for i in range(200)]
    for each in states:
        weigh(each)
    return sum(seen.values()) / len(states)


def test_a_state_takes_less_than_a_kilobyte() -> None:
    def busy(i: int) -> AppState:
        app = application(service=f"service-{i}", version=i)
        app["status"]["operationState"]["message"] = f"waiting for {i} " + "x" * 100
        app["status"]["health"]["message"] = f"{i} of 3 updated replicas are available"
        return state(app)

    assert _size(busy) <= 1000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(labels=JSON, operation=JSON, sync=JSON)
def test_odd_shapes_are_read_without_an_exception(labels: Any, operation: Any, sync: Any) -> None:
    app = application()
    app["metadata"]["labels"] = labels
    app["operation"] = operation
    app["status"]["sync"] = sync
    state(app)


def test_a_token_in_a_message_is_not_kept() -> None:
    app = application()
    text = "failed to fetch https://oauth2:glpat-abcdefghijklmnopqrst@gitlab.example/shop/cart.git"
    app["status"]["conditions"] = [{"type": "ComparisonError", "message": text}]
    ((_, told),) = state(app).conditions
    assert "glpat" not in told
    assert "gitlab.example/shop/cart.git" in told


COMMAND = (
    "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: "
    "code = Unknown desc = Manifest generation error (cached): failed to execute helm template "
    "command: failed to get command args to log: `helm template . --name-template cart --namespace "
    "shop --kube-version 1.31 --set image.tag=8dfbd81e --set image.repository=shop/cart --values "
    "<path to cached source>/values.yaml --values <path to cached source>/values/production.yaml "
    "<api versions removed> --include-crds` failed exit status 1: "
)
HELM_SAID = "Error: cart/templates/web.yaml:7: nil pointer"


def told(message: str) -> tuple[str, str]:
    """What is kept of it as a condition, and as the end of a sync."""
    app = application()
    app["status"]["conditions"] = [{"type": "ComparisonError", "message": message}]
    app["status"]["operationState"] = {"message": message}
    found = state(app)
    return found.conditions[0][1], found.message


def test_of_a_manifest_that_cannot_be_made_helms_own_words_are_told() -> None:
    assert told(COMMAND + HELM_SAID) == (HELM_SAID, HELM_SAID)


def test_helms_own_words_are_kept_without_the_secrets_in_them() -> None:
    said, _ = told(f"{COMMAND}{HELM_SAID} password=hunter2-correct-horse")
    assert said.startswith(HELM_SAID)
    assert "hunter2" not in said


def test_a_command_that_said_nothing_is_told_itself() -> None:
    said, _ = told(COMMAND)
    assert said.startswith("Failed to load target state")
