"""Argo CD's Application JSON -> `AppState`, small enough to keep thousands of.

Source of the fields: Argo CD `pkg/apis/application/v1alpha1/types.go`.
"""

import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from qbot.domain.health import AppState
from qbot.domain.names import AppName, EnvId, ProjectPath, ServiceName
from qbot.domain.obstacles import obstacle
from qbot.gateways.argocd.labels import ENV, is_dying
from qbot.gateways.argocd.sources import source_of
from qbot.redaction import redact

INFO = "qbot-op"  # names the operation among a sync's infos
WATCHED = (
    "metadata.name",
    "metadata.labels",
    "metadata.resourceVersion",
    "metadata.deletionTimestamp",
    "metadata.finalizers",
    "spec.project",
    "spec.source.targetRevision",
    "operation",
    "status.sync.status",
    "status.sync.revision",
    "status.health",
    "status.reconciledAt",
    "status.conditions",
    "status.resources.kind",
    "status.resources.name",
    "status.resources.health",
    "status.resources.requiresPruning",
    "status.operationState.phase",
    "status.operationState.message",
    "status.operationState.startedAt",
    "status.operationState.finishedAt",
    "status.operationState.syncResult.revision",
    "status.operationState.operation.info",
)
"""What `state` reads: the paths that the watch is asked for."""
LISTED = (
    "metadata.name",
    "metadata.labels",
    "metadata.deletionTimestamp",
    "spec.project",
    "operation.sync",
    "status.sync.status",
    "status.sync.revision",
    "status.health",
    "status.operationState.phase",
    "status.operationState.startedAt",
    "status.operationState.finishedAt",
)
"""The part of it that the list can be asked for; no versions, so it is a check, not a source."""

_LONGEST = 300  # characters of a message
_COMMAND_FAILED = "` failed exit status "
_PLAIN = 20  # characters; no token is as short, but most words of a state are
_WORST = ("Degraded", "Missing", "Progressing", "Unknown", "Suspended")
_HOOKS = {
    "pre-delete-finalizer.argocd.argoproj.io": "PreDelete hooks",
    "post-delete-finalizer.argocd.argoproj.io": "PostDelete hooks",
}
_ERROR = "Error"  # how the types of conditions end that are more than warnings


def state(app: Mapping[str, Any], config: ProjectPath | None = None) -> AppState:
    """One Application, whole or cut down to `WATCHED` or `LISTED`.

    Args:
        app: as Argo CD tells it.
        config: with several sources, the project of the one whose commits count.
    """
    meta, spec, status = _part(app, "metadata"), _part(app, "spec"), _part(app, "status")
    name, project = _text(meta, "name"), _text(spec, "project")
    source = source_of(spec, config)
    sync, health, operation = (_part(status, k) for k in ("sync", "health", "operationState"))
    return AppState(
        name=AppName(name),
        env=EnvId(_text(_part(meta, "labels"), ENV)),
        service=ServiceName(sys.intern(name.removeprefix(f"{project}-"))),
        version=_number(meta.get("resourceVersion")),
        wanted=_text(source.spec, "targetRevision"),
        sync=_text(sync, "status"),
        revision=_short(source.revision(sync)),
        health=_text(health, "status"),
        health_message=_text(health, "message"),
        requested=app.get("operation") is not None,
        phase=_text(operation, "phase"),
        message=_short(_cause(str(operation.get("message") or ""))),
        synced_revision=_short(source.revision(_part(operation, "syncResult"))),
        started_at=_time(operation.get("startedAt")),
        finished_at=_time(operation.get("finishedAt")),
        reconciled_at=_time(status.get("reconciledAt")),
        conditions=_errors(status.get("conditions") or ()),
        resources=len(status.get("resources") or ()),
        info=_info(_part(operation, "operation").get("info") or ()),
        deleting=is_dying(app),
        waits_for=_waits_for(app, operation, status.get("resources") or ()),
        prunable=_prunable(status.get("resources") or ()),
    )


def pending_hooks(app: Mapping[str, Any]) -> str:
    """Which deletion hooks a dying Application has yet to finish, in words; empty if none."""
    for finalizer in _part(app, "metadata").get("finalizers") or ():
        for prefix, words in _HOOKS.items():
            if str(finalizer).startswith(prefix):
                return words
    return ""


def _waits_for(
    app: Mapping[str, Any], operation: Mapping[str, Any], resources: Iterable[Mapping[str, Any]]
) -> str:
    if is_dying(app):
        return pending_hooks(app)
    if operation.get("phase") == "Running":
        found = obstacle(str(operation.get("message", "")))
        return sys.intern(found.words) if found else ""
    if operation.get("phase") in ("Failed", "Error"):
        return _culprit(_part(operation, "syncResult").get("resources") or ())
    return _unwell(resources)


def _culprit(results: Iterable[Mapping[str, Any]]) -> str:
    """The hook or resource that a sync failed at; only whole Applications tell, no stream."""
    for result in results:
        bad_hook = result.get("hookPhase") in ("Failed", "Error")
        if bad_hook or result.get("status") == "SyncFailed":
            # hookPhase is set on plain resources too: hookType tells them apart.
            hook = f"{result['hookType']} hook " if result.get("hookType") else ""
            thing = f"{hook}{result.get('kind', '')}/{result.get('name', '')}"
            return _short(f"{thing}: {result.get('message') or result.get('hookPhase')}")
    return ""


def _unwell(resources: Iterable[Mapping[str, Any]]) -> str:
    """The worst resource and what Kubernetes says of it."""
    worst: tuple[int, str] = (len(_WORST), "")
    for resource in resources:
        health = _part(resource, "health")
        if health.get("status") not in _WORST:
            continue
        rank = _WORST.index(health["status"])
        if rank < worst[0]:
            thing = f"{resource.get('kind', '')}/{resource.get('name', '')}"
            said = health.get("message")
            worst = (rank, f"{thing}: {said}" if said else f"{thing} is {health['status'].lower()}")
    return _short(worst[1])


def _prunable(resources: Iterable[Mapping[str, Any]]) -> str:
    named = (f"{r.get('kind', '')}/{r.get('name', '')}" for r in resources
             if r.get("requiresPruning"))  # fmt: skip
    return sys.intern(next(named, ""))


def _errors(conditions: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (sys.intern(str(c["type"])), _short(_cause(str(c.get("message", "")))))
        for c in conditions
        if str(c.get("type", "")).endswith(_ERROR)
    )


def _info(infos: Iterable[Mapping[str, Any]]) -> str:
    return next((str(i.get("value", "")) for i in infos if i.get("name") == INFO), "")


def _part(thing: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = thing.get(key)
    return found if isinstance(found, dict) else {}


def _text(thing: Mapping[str, Any], key: str) -> str:
    """Interned: commits, words and messages repeat over thousands of Applications."""
    return _short(str(thing.get(key) or ""))


def _cause(text: str) -> str:
    """Without the command line of helm or kustomize: what it said is what people need.

    Looked for in the whole message: before it there is more than is kept of one.
    """
    if _COMMAND_FAILED not in text:
        return text
    _, _, ended = redact(text).rpartition(_COMMAND_FAILED)
    status, _, said = ended.partition(": ")
    return said if status.isdecimal() and said else text


def _short(text: str) -> str:
    """Outside text: cut, and without secrets that a message may quote."""
    if "://" in text or len(text) > _PLAIN:
        text = redact(text)
    return sys.intern(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _number(text: Any) -> int:
    """A resourceVersion; Kubernetes promises that it is a number that grows."""
    return int(text) if isinstance(text, str) and text.isdecimal() else 0
