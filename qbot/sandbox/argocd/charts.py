"""Charts: from the files of one folder and an Application's `helm` block to manifests."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from qbot.sandbox.argocd.manifests import Manifest, manifest
from qbot.sandbox.argocd.objects import Json
from qbot.sandbox.argocd.templates import ChartError, documents, fill, parse


def render(
    files: Mapping[str, str],
    helm: Json,
    *,
    app: str,
    namespace: str,
    outside: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Manifest, ...]:
    """The manifests of a chart, in the order of their files.

    Args:
        files: what is in the chart's folder, by path.
        helm: the block of that name in the Application's source.
        app: the Application's name.
        namespace: where the release goes.
        outside: value files that lie elsewhere in the repository, by the path that names them.

    Raises:
        ChartError: no chart there, a value file that is missing, or a template that fails.
    """
    if "Chart.yaml" not in files:
        raise ChartError("Chart.yaml file is missing")
    chart = _mapping("Chart.yaml", files["Chart.yaml"])
    scope = {
        "Values": values({**files, **outside}, helm),
        "Release": {"Name": helm.get("releaseName") or app, "Namespace": namespace},
        "Chart": {"Name": chart.get("name", "")},
    }
    found: list[Manifest] = []
    for path in sorted(files):
        if path.startswith("templates/") and path.endswith((".yaml", ".yml")):
            name = f"{chart.get('name', '')}/{path}"
            found += [
                manifest(name, fill(name, document, scope), namespace)
                for document in documents(name, files[path])
            ]
    return tuple(found)


def values(files: Mapping[str, str], helm: Json) -> Json:
    """values.yaml, overlaid by the value files in order, overlaid by the parameters.

    Raises:
        ChartError: a value file that is missing or no mapping.
    """
    result = _mapping("values.yaml", files.get("values.yaml", ""))
    for path in helm.get("valueFiles", ()):
        if path not in files:
            if helm.get("ignoreMissingValueFiles"):
                continue
            raise ChartError(f"open {path}: no such file or directory")
        result = overlay(result, _mapping(path, files[path]))
    result = overlay(result, helm.get("valuesObject") or {})
    for parameter in helm.get("parameters", ()):
        value = parameter.get("value", "")
        typed = value if parameter.get("forceString") else _set_value(value)
        result = overlay(result, _nested(parameter.get("name", "").split("."), typed))
    return result


def overlay(below: Json, above: Json) -> Json:
    """Merge mappings key by key; anything else above replaces what is below."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = overlay(old, value) if both and isinstance(old, dict) else value
    return result


def _nested(path: list[str], value: Any) -> Json:
    for part in reversed(path):
        value = {part: value}
    return dict(value)


def _set_value(text: str) -> Any:
    """What `helm --set` makes of a value."""
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return words[text]
    is_number = text.lstrip("-").isdigit() and (text == "0" or not text.startswith("0"))
    return int(text) if is_number else text


def _mapping(name: str, text: str) -> Json:
    found = parse(name, text)
    if not found:
        return {}
    if not isinstance(found[0], dict):
        raise ChartError(f"failed to parse {name}: cannot unmarshal into a mapping")
    return found[0]
