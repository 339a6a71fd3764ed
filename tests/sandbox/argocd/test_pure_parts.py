"""Patches, decoding, retries and health: small rules without a server."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.sandbox.argocd import patches
from qbot.sandbox.argocd.decoding import FLAG, FLAG_POINTER, LABELS, NUMBER, TEXT, Block, decode
from qbot.sandbox.argocd.engine import retries
from qbot.sandbox.argocd.engine.health import ORDER, aggregate
from qbot.sandbox.argocd.specs import application, unknown_parts

DOCUMENT = {"a": {"b": [1, 2]}, "c": "x"}


def test_a_merge_patch_sets_and_removes() -> None:
    assert patches.merge(DOCUMENT, {"a": {"d": 1}, "c": None}) == {"a": {"b": [1, 2], "d": 1}}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/a/b/-", "value": 3}, {"a": {"b": [1, 2, 3]}, "c": "x"}),
        ({"op": "add", "path": "/a/b/0", "value": 0}, {"a": {"b": [0, 1, 2]}, "c": "x"}),
        ({"op": "replace", "path": "/c", "value": "y"}, {"a": {"b": [1, 2]}, "c": "y"}),
        ({"op": "remove", "path": "/a/b/0"}, {"a": {"b": [2]}, "c": "x"}),
        ({"op": "move", "from": "/c", "path": "/e"}, {"a": {"b": [1, 2]}, "e": "x"}),
        ({"op": "copy", "from": "/c", "path": "/a~1b"}, {**DOCUMENT, "a/b": "x"}),
        ({"op": "test", "path": "/c", "value": "x"}, DOCUMENT),
    ],
)
def test_json_patches_do_as_rfc_6902_says(operation: Any, expected: Any) -> None:
    before = {"a": {"b": [1, 2]}, "c": "x"}
    assert patches.apply(before, [operation]) == expected
    assert before == DOCUMENT


@pytest.mark.parametrize(
    "operations",
    [
        {"op": "add"},
        [{"op": "replace", "path": "/no", "value": 1}],
        [{"op": "remove", "path": "/a/b/7"}],
        [{"op": "test", "path": "/c", "value": "y"}],
        [{"op": "dance", "path": "/c"}],
    ],
)
def test_a_patch_that_cannot_be_applied_is_refused(operations: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        patches.apply(DOCUMENT, operations)


SCHEMA = Block(
    {"text": TEXT, "flag": FLAG, "pointer": FLAG_POINTER, "number": NUMBER, "labels": LABELS}
)


def test_decoding_ignores_case_and_unknown_keys_and_drops_zero_values() -> None:
    value = {"TEXT": "x", "flag": False, "pointer": False, "number": 0, "more": 1, "labels": {}}
    assert decode(SCHEMA, value, "X") == {"text": "x", "pointer": False}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"text": 1}, "cannot unmarshal number into Go struct field X.text of type string"),
        ({"flag": "yes"}, "cannot unmarshal string into Go struct field X.flag of type bool"),
        ({"number": True}, "cannot unmarshal bool into Go struct field X.number of type number"),
        ({"labels": {"a": 1}}, "cannot unmarshal number into Go struct field X.labels.a"),
        ([], "cannot unmarshal array into Go struct field X of type object"),
    ],
)
def test_wrong_types_are_told_in_gos_words(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(SCHEMA, value, "X")


def test_a_spec_is_normalised() -> None:
    found = application(
        {
            "metadata": {"name": "a"},
            "spec": {"source": {"repoURL": "u", "helm": {}}, "syncPolicy": {}},
            "operation": {"sync": {}},
        }
    )
    assert found == {
        "metadata": {"name": "a"},
        "spec": {"source": {"repoURL": "u"}, "project": "default", "destination": {}},
    }


def test_what_the_stand_in_cannot_do_is_named() -> None:
    spec = {"sources": [{}], "source": {"kustomize": {}, "helm": {"values": "a: 1"}}}
    expected = ["spec.sources", "spec.source.kustomize", "spec.source.helm.values"]
    assert unknown_parts(spec) == expected


def test_retries_back_off_up_to_a_maximum() -> None:
    retry = {"limit": 3, "backoff": {"duration": "10s", "factor": 3, "maxDuration": "1m"}}
    assert [retries.pause(retry, done) for done in range(4)] == [10, 30, 60, 60]
    assert [retries.pause({"limit": 1}, done) for done in range(3)] == [5, 10, 20]
    assert [retries.allowed(retry, done) for done in (0, 2, 3)] == [True, True, False]
    assert retries.allowed({"limit": -1}, 99)
    assert retries.seconds("1m30s") == 90


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], "Healthy"),
        (["", "Healthy"], "Healthy"),
        (["Missing", "Missing"], "Missing"),
        (["Missing", "", "Healthy"], "Healthy"),
        (["Progressing", "Degraded", "Healthy"], "Degraded"),
        (["Suspended", "Progressing"], "Progressing"),
    ],
)
def test_the_worst_health_counts(statuses: list[str], expected: str) -> None:
    assert aggregate(statuses) == expected


@given(st.lists(st.sampled_from(["", *ORDER])))
def test_more_resources_never_make_it_better(statuses: list[str]) -> None:
    assert ORDER.index(aggregate([*statuses, "Degraded"])) >= ORDER.index("Degraded")
