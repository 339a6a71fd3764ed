from typing import Any

import pytest

from qbot.sandbox.argocd.fields import OverlapError, listed, parse, sieve

APP: dict[str, Any] = {
    "metadata": {"name": "a", "resourceVersion": "7"},
    "spec": {"project": "p", "source": {"repoURL": "u"}},
    "status": {
        "sync": {"status": "Synced", "revision": "abc"},
        "health": {"status": "Healthy"},
        "operationState": {"phase": "Succeeded", "message": "m", "syncResult": {"revision": "r"}},
    },
}


def cut(*paths: str) -> dict[str, Any]:
    return listed(APP, frozenset(paths), exclude=False)


def test_a_list_gives_the_fields_it_knows() -> None:
    assert cut("items.metadata.name", "items.status.sync.status") == {
        "metadata": {"name": "a"},
        "status": {"sync": {"status": "Synced"}},
    }


def test_a_list_leaves_out_what_it_does_not_know() -> None:
    assert cut("items.metadata.resourceVersion", "items.status.operationState.message") == {}


def test_the_operations_sync_is_really_its_result() -> None:
    found = cut("items.status.operationState.operation.sync")
    assert found["status"]["operationState"]["operation"]["sync"] == {"revision": "r"}


def test_labels_that_are_not_there_are_null() -> None:
    assert cut("items.metadata.labels") == {"metadata": {"labels": None}}


def test_the_spec_and_a_part_of_it_exclude_each_other() -> None:
    with pytest.raises(OverlapError, match=r"field spec\.project is not a map"):
        cut("items.spec", "items.spec.project")


def test_exclusion_on_a_list_fails_on_its_own_overlaps() -> None:
    with pytest.raises(OverlapError):
        listed(APP, frozenset({"items.metadata.name"}), exclude=True)


def test_a_query_is_split_and_its_minus_means_without() -> None:
    assert parse("a,b") == (frozenset({"a", "b"}), False)
    assert parse("-a") == (frozenset({"a"}), True)
    assert parse("") == (frozenset(), False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("x.a", {"x": {"a": 1}}),
        ("x", {"x": {"a": 1, "ab": {"c": 2}}}),
        ("x.ab.c", {"x": {"a": 1, "ab": {"c": 2}}}),  # "x.a" is where "x.ab.c" starts, as text
        ("-x.ab", {"x": {"a": 1}, "y": [{"z": 1}, 2]}),
        ("y.z", {"y": [{"z": 1}, 2]}),
    ],
)
def test_a_stream_keeps_what_starts_like_a_field(query: str, expected: dict[str, Any]) -> None:
    whole = {"x": {"a": 1, "ab": {"c": 2}}, "y": [{"z": 1}, 2]}
    wanted, exclude = parse(query)
    assert sieve(whole, wanted, exclude=exclude) == expected
