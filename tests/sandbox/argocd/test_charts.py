from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.sandbox.argocd.charts import overlay, render, values
from qbot.sandbox.argocd.manifests import Manifest
from qbot.sandbox.argocd.templates import ChartError

CHART = "name: cart\n"


def one(template: str, text_values: str = "", **helm: Any) -> Manifest:
    files = {"Chart.yaml": CHART, "values.yaml": text_values, "templates/a.yaml": template}
    (found,) = render(files, helm, app="app", namespace="ns")
    return found


def data(expression: str, text_values: str = "", **helm: Any) -> Any:
    template = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: {expression}\n"
    return one(template, text_values, **helm).body["data"]["x"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("{{ .Values.a.b }}", 3),
        ('"{{ .Values.a.b }}"', "3"),
        ("v{{.Values.a.b}}", "v3"),
        ("'{{ .Values.on }}'", "true"),
        ("{{ .Values.on }}", True),
        ("{{ .Release.Name }}", "app"),
        ("{{ .Release.Namespace }}", "ns"),
        ("{{ .Chart.Name }}-{{ .Release.Name }}", "cart-app"),
        ("{{ .Values.missing }}", None),
        ('"{{ .Values.missing }}"', ""),
        ("plain", "plain"),
    ],
)
def test_expressions_become_values_as_yaml_would_read_them(expression: str, expected: Any) -> None:
    assert data(expression, "a:\n  b: 3\non: true\n") == expected


@pytest.mark.parametrize(
    "expression",
    ["{{ if .Values.a }}", "{{ .Values.a | quote }}", "{{ include }}", "{{ .Values }}", "{{}}"],
)
def test_anything_else_in_braces_is_an_error(expression: str) -> None:
    with pytest.raises(ChartError, match="unexpected"):
        data(expression)


def test_a_value_below_nothing_is_an_error() -> None:
    with pytest.raises(ChartError, match="nil pointer evaluating"):
        data("{{ .Values.no.such }}")


def test_a_mapping_is_no_value() -> None:
    with pytest.raises(ChartError, match="not a scalar"):
        data("{{ .Values.a }}", "a:\n  b: 3\n")


def test_broken_yaml_is_named_by_its_file() -> None:
    with pytest.raises(ChartError, match=r"cart/templates/a\.yaml|templates/a\.yaml"):
        one("a: [")


def test_value_files_and_parameters_lie_over_the_values_in_order() -> None:
    files = {"values.yaml": "a: 1\nb: {c: 1, d: 1}\n", "x.yaml": "b: {c: 2}\n", "y.yaml": "a: 3\n"}
    helm = {
        "valueFiles": ["x.yaml", "y.yaml"],
        "parameters": [{"name": "b.d", "value": "4"}, {"name": "e", "value": "true"}],
    }
    assert values(files, helm) == {"a": 3, "b": {"c": 2, "d": 4}, "e": True}


def test_a_forced_string_stays_one() -> None:
    helm = {"parameters": [{"name": "tag", "value": "0123", "forceString": True}]}
    assert values({}, helm) == {"tag": "0123"}
    assert values({}, {"parameters": [{"name": "tag", "value": "0123"}]}) == {"tag": "0123"}


def test_a_value_file_that_is_missing_is_named_unless_allowed() -> None:
    with pytest.raises(ChartError, match=r"open no\.yaml: no such file"):
        values({}, {"valueFiles": ["no.yaml"]})
    assert values({}, {"valueFiles": ["no.yaml"], "ignoreMissingValueFiles": True}) == {}


def test_no_chart_is_an_error() -> None:
    with pytest.raises(ChartError, match=r"Chart\.yaml file is missing"):
        render({"values.yaml": ""}, {}, app="a", namespace="n")


def test_the_release_name_can_be_given() -> None:
    assert data("{{ .Release.Name }}", releaseName="cart") == "cart"


def test_several_documents_keep_their_order() -> None:
    text = "---\n".join(
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n" for name in "ba"
    )
    files = {"Chart.yaml": CHART, "templates/x.yaml": text, "templates/README.md": "no"}
    found = render(files, {}, app="a", namespace="ns")
    assert [each.name for each in found] == ["b", "a"]


def test_a_manifest_knows_its_wave_hook_and_time() -> None:
    found = one("""\
apiVersion: batch/v1
kind: Job
metadata:
  name: m
  annotations:
    argocd.argoproj.io/hook: PreSync, PostSync
    argocd.argoproj.io/sync-wave: "-1"
    argocd.argoproj.io/hook-delete-policy: HookSucceeded
    sandbox.qbot.dev/seconds: "40"
""")
    assert (found.hooks, found.wave, found.seconds) == (("PreSync", "PostSync"), -1, 40.0)
    assert found.policies == ("HookSucceeded",)
    assert found.key == ("batch", "Job", "ns", "m")


def test_cluster_wide_kinds_have_no_namespace() -> None:
    found = one("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {{ .Release.Namespace }}\n")
    assert (found.namespace, found.name) == ("", "ns")


@pytest.mark.parametrize("text", ["a: 1\n", "kind: X\napiVersion: v1\nmetadata: {}\n", "[1]\n"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ChartError):
        one(text)


KEYS, LEAVES = st.sampled_from("abc"), st.integers(0, 2)
INNER = LEAVES | st.dictionaries(KEYS, LEAVES, max_size=2)
MAPPINGS = st.dictionaries(KEYS, LEAVES | st.dictionaries(KEYS, INNER, max_size=2), max_size=3)


@given(MAPPINGS, MAPPINGS)
def test_an_overlay_keeps_every_key_and_lets_the_upper_one_win(
    below: dict[str, Any], above: dict[str, Any]
) -> None:
    found = overlay(below, above)
    assert set(found) == set(below) | set(above)
    assert overlay(found, above) == found
