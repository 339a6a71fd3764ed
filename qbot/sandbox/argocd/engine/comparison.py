"""Comparing what should be with what is: sync status, health, resources, conditions.

Source: Argo CD `controller/state.go`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from qbot.sandbox.argocd.engine.cluster import Cluster, Live
from qbot.sandbox.argocd.engine.health import aggregate
from qbot.sandbox.argocd.engine.pins import Pins
from qbot.sandbox.argocd.engine.sources import Rendered
from qbot.sandbox.argocd.manifests import DELETE_HOOKS, Manifest
from qbot.sandbox.argocd.objects import Json, name_of


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome for one Application."""

    sync: str
    health: str
    revision: str
    kind: str  # of the source: Helm, Kustomize; empty without a rendering
    resources: tuple[Json, ...]
    images: tuple[str, ...]
    urls: tuple[str, ...]
    only_prune: bool  # out of sync for nothing but resources that should go
    wipes_out: bool  # nothing is wanted and something is there
    delete_hooks: frozenset[str]  # PreDelete, PostDelete


def compare(app: Json, rendered: Rendered | None, cluster: Cluster, pins: Pins) -> Comparison:
    """Compare an Application; without a rendering its sync status is Unknown."""
    name = name_of(app)
    live = [each for each in cluster.tracked(name) if not each.is_hook]
    manifests = rendered.manifests if rendered else ()
    wanted = [each for each in manifests if not each.hooks]
    keys = {each.key for each in wanted}
    extra = [each for each in live if each.manifest.key not in keys] if rendered else []
    resources = [_wanted(each, cluster) for each in wanted]
    known = extra if rendered else live
    status = "OutOfSync" if rendered else "Unknown"
    resources += [_there(each, cluster, status, prune=bool(rendered)) for each in known]
    different = [each for each in resources if each["status"] == "OutOfSync"]
    pin = pins.health(name)
    return Comparison(
        sync=("OutOfSync" if different else "Synced") if rendered else "Unknown",
        health=pin.status if pin else aggregate(_healths(resources)),
        revision=rendered.sha if rendered else "",
        kind=rendered.kind if rendered else "",
        resources=tuple(sorted(resources, key=_by_reference)),
        images=tuple(sorted({image for each in live for image in each.manifest.images})),
        urls=tuple(_urls(live)),
        only_prune=len(different) == len(extra),
        wipes_out=not wanted and bool(extra),
        delete_hooks=_delete_hooks(manifests),
    )


def _wanted(manifest: Manifest, cluster: Cluster) -> Json:
    live = cluster.get(manifest.key)
    if live is None or live.deleting:
        return _entry(manifest, "OutOfSync", {"status": "Missing"})
    same = live.manifest.body == manifest.body
    return _entry(manifest, "Synced" if same else "OutOfSync", _health(live, cluster))


def _there(live: Live, cluster: Cluster, status: str, *, prune: bool) -> Json:
    entry = _entry(live.manifest, status, _health(live, cluster))
    return {**entry, "requiresPruning": True} if prune else entry


def _entry(manifest: Manifest, status: str, health: Json) -> Json:
    entry: Json = {**manifest.reference, "status": status}
    if health:
        entry["health"] = health
    if manifest.wave:
        entry["syncWave"] = manifest.wave
    return entry


def _health(live: Live, cluster: Cluster) -> Json:
    status, message = cluster.health(live)
    return {key: text for key, text in (("status", status), ("message", message)) if text}


def _healths(resources: Iterable[Json]) -> list[str]:
    return [
        each.get("health", {}).get("status", "")
        for each in resources
        if not each.get("requiresPruning")
    ]


def _by_reference(entry: Json) -> tuple[str, str, str]:
    return (entry.get("group", ""), entry["kind"], entry["name"])


def _urls(live: Iterable[Live]) -> list[str]:
    hosts = [
        rule["host"]
        for each in live
        if each.manifest.kind == "Ingress" and each.health == "Healthy"
        for rule in (each.manifest.body.get("spec") or {}).get("rules", ())
        if rule.get("host")
    ]
    return [f"http://{host}/" for host in sorted(hosts)]


def _delete_hooks(manifests: Iterable[Manifest]) -> frozenset[str]:
    return frozenset(hook for each in manifests for hook in each.hooks if hook in DELETE_HOOKS)
