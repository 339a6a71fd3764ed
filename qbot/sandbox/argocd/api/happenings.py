"""Kubernetes events about the resources of an Application: workloads, and the pods below them."""

from typing import NamedTuple

from qbot.sandbox.argocd.engine.cluster import BACKOFF, Live
from qbot.sandbox.argocd.engine.journal import event
from qbot.sandbox.argocd.objects import Json


class _Words(NamedTuple):
    """Who tells of one kind, and how; without `failed` a failure is told by others."""

    component: str
    began: tuple[str, str]  # reason and message
    failed: tuple[str, str] = ("", "")


_KINDS = {
    "Pod": _Words(
        "kubelet",
        ("Started", "Started container"),
        ("BackOff", "Back-off restarting failed container"),
    ),
    "Job": _Words(
        "job-controller",
        ("SuccessfulCreate", "Created pod"),
        ("BackoffLimitExceeded", BACKOFF),
    ),
    "Deployment": _Words("deployment-controller", ("ScalingReplicaSet", "Scaled up replica set")),
    "StatefulSet": _Words("statefulset-controller", ("SuccessfulCreate", "create Pod successful")),
    "DaemonSet": _Words("daemonset-controller", ("SuccessfulCreate", "Created pod")),
}


def resource_events(live: Live, node: Json, now: str) -> list[Json]:
    """The events of one node of the resource tree, a failure's as of `now` (RFC 3339)."""
    words = _KINDS.get(node["kind"])
    if words is None:
        return []
    group = node.get("group", "")
    involved = {
        "kind": node["kind"],
        "namespace": node.get("namespace", ""),
        "name": node["name"],
        "uid": node["uid"],
        "apiVersion": f"{group}/{node['version']}" if group else node["version"],
    }
    found = [event(involved, *words.began, "Normal", component=words.component, at=live.created)]
    health, (reason, usual) = node.get("health") or {}, words.failed
    if reason and health.get("status") == "Degraded":
        message = health.get("message") or usual
        found.append(event(involved, reason, message, "Warning", component=words.component, at=now))
    return found
