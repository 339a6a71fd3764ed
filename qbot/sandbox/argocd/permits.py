"""What an AppProject lets its Applications do: sources, destinations, kinds.

Source: Argo CD `pkg/apis/application/v1alpha1/types.go` and `app_project_types.go`.
"""

import re
from functools import lru_cache

from qbot.sandbox.argocd.manifests import CLUSTER_WIDE
from qbot.sandbox.argocd.objects import Json

SERVER, CLUSTER = "https://kubernetes.default.svc", "in-cluster"


def source_permitted(spec: Json, repository: str) -> bool:
    """Whether `sourceRepos` holds the repository; entries with `!` in front deny."""
    wanted = _normal(repository)
    allowed = False
    for entry in spec.get("sourceRepos", ()):
        denies = entry.startswith("!")
        pattern = entry.removeprefix("!")
        if pattern == "*" or _glob(_normal(pattern)).fullmatch(wanted):
            if denies:
                return False
            allowed = True
    return allowed


def destination_permitted(spec: Json, destination: Json) -> bool:
    """Whether `destinations` holds the server (or cluster name) and namespace; `!` denies."""
    server = destination.get("server") or SERVER
    name = destination.get("name") or CLUSTER
    namespace = destination.get("namespace", "")
    allowed = False
    for entry in spec.get("destinations", ()):
        place = _matches(entry.get("server", ""), server) or _matches(entry.get("name", ""), name)
        if entry.get("server", "").startswith("!") and _matches(entry["server"][1:], server):
            return False
        if entry.get("namespace", "").startswith("!"):
            if place and _matches(entry["namespace"][1:], namespace):
                return False
        elif place and _matches(entry.get("namespace", ""), namespace):
            allowed = True
    return allowed


def kind_permitted(spec: Json, group: str, kind: str, name: str) -> bool:
    """Whether the project lets an object of this kind and name be deployed.

    Cluster-wide kinds need a place on the white-list, whose entries may hold for some names
    only. Namespaced kinds do only if there is such a list: an empty one counts as none.
    """
    if kind in CLUSTER_WIDE:
        allowed = _in(spec.get("clusterResourceWhitelist"), group, kind, name)
        return allowed and not _in(spec.get("clusterResourceBlacklist"), group, kind, name)
    white = spec.get("namespaceResourceWhitelist")
    allowed = not white or _in(white, group, kind)
    return allowed and not _in(spec.get("namespaceResourceBlacklist"), group, kind)


def _in(entries: list[Json] | None, group: str, kind: str, name: str = "") -> bool:
    return any(
        _matches(entry.get("group", ""), group)
        and _matches(entry.get("kind", ""), kind)
        and (not entry.get("name") or _matches(entry["name"], name))
        for entry in entries or ()
    )


def _matches(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    return bool(_glob(pattern, crossing=True).fullmatch(text))


def _normal(url: str) -> str:
    """How Argo CD compares repository addresses."""
    return url.strip().lower().removesuffix("/").removesuffix(".git")


@lru_cache(maxsize=4096)
def _glob(pattern: str, *, crossing: bool = False) -> re.Pattern[str]:
    """`**` crosses `/`; `*` and `?` do so only where the vendor gives no separator."""
    inside = "." if crossing else "[^/]"
    parts = {"**": ".*", "*": f"{inside}*", "?": inside}
    tokens = re.split(r"(\*\*|\*|\?)", pattern)
    return re.compile("".join(parts.get(token) or re.escape(token) for token in tokens), re.DOTALL)
