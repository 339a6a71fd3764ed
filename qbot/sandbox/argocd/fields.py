"""The undocumented `fields` parameter: a fixed list of paths on list, loose prefixes on watch.

Source: Argo CD `pkg/apiclient/application/forwarder_overwrite.go`; argoproj/pkg
`grpc/http/forwarders.go`.
"""

from functools import lru_cache
from typing import Any

from qbot.sandbox.argocd.objects import Json

# Where each selectable path of the list finds its value. The last one is the vendor's own slip.
LISTED = {
    **{
        path: path
        for path in (
            "metadata.name", "metadata.namespace", "metadata.annotations", "metadata.labels",
            "metadata.creationTimestamp", "metadata.deletionTimestamp", "spec",
            "spec.destination", "spec.project", "spec.source", "spec.sources",
            "spec.sourceHydrator", "spec.syncPolicy", "status.sourceHydrator", "status.summary",
            "status.sync.status", "status.sync.revision", "status.health", "status.resources",
            "status.operationState.startedAt", "status.operationState.finishedAt",
            "status.operationState.phase", "operation.sync",
        )
    },
    "status.operationState.operation.sync": "status.operationState.syncResult",
}  # fmt: skip
# A Go map that is nil is written as null; every other absent value is left out.
_NULL = frozenset({"metadata.annotations", "metadata.labels"})


class OverlapError(Exception):
    """`spec` was asked for together with a part of it."""


def parse(query: str) -> tuple[frozenset[str], bool]:
    """The paths, and whether they are to be left out instead of kept."""
    exclude = query.startswith("-")
    return frozenset(query.removeprefix("-").split(",")) if query else frozenset(), exclude


def listed(app: Json, wanted: frozenset[str], *, exclude: bool) -> Json:
    """One item of a list, cut down.

    Raises:
        OverlapError: paths of which one holds the other.
    """
    item: Json = {}
    for path, source in LISTED.items():
        if (f"items.{path}" in wanted) == exclude:
            continue
        value = _lookup(app, source)
        if value is None and path not in _NULL:
            continue
        _place(item, path, value, app)
    return item


def _lookup(app: Json, path: str) -> Any:
    value: Any = app
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _place(item: Json, path: str, value: Any, app: Json) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        inner = item.setdefault(parent, {})
        if inner is app.get(parent):
            raise OverlapError(f"field {path} is not a map")
        item = inner
    item[last] = value


def sieve(thing: Any, fields: frozenset[str], *, exclude: bool, path: str = "") -> Any:
    """Any JSON cut down to `fields`.

    A key survives when some field starts with its path as text: `result.type` keeps `result.ty`.
    """
    if isinstance(thing, list):
        return [sieve(each, fields, exclude=exclude, path=path) for each in thing]
    if not isinstance(thing, dict):
        return thing
    kept: Json = {}
    beginnings = _beginnings(fields)
    for key, value in thing.items():
        here = f"{path}.{key}" if path else key
        whole = here in fields
        if (not whole) if exclude else here in beginnings:
            kept[key] = value if whole else sieve(value, fields, exclude=exclude, path=here)
    return kept


@lru_cache(maxsize=64)
def _beginnings(fields: frozenset[str]) -> frozenset[str]:
    """Every text with which some field starts: a stream asks this of each key of each event."""
    return frozenset(field[:end] for field in fields for end in range(len(field) + 1))
