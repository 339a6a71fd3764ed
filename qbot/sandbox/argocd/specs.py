"""The fields of Application and AppProject that are kept, and the plain rules on their names.

Source: Argo CD `pkg/apis/application/v1alpha1/types.go`; Kubernetes' rules for names and labels.
"""

import re
from collections.abc import Iterable
from typing import Any

from qbot.sandbox.argocd.decoding import (
    ANY,
    FLAG,
    FLAG_POINTER,
    LABELS,
    NUMBER,
    NUMBER_POINTER,
    TEXT,
    WRITTEN,
    Block,
    decode,
)
from qbot.sandbox.argocd.objects import Json, dying, finalizers, name_of

_VALUE_PAIR = Block({"name": TEXT, "value": TEXT, "forceString": FLAG})
_HELM = Block(
    {
        "releaseName": TEXT, "valueFiles": [TEXT], "parameters": [_VALUE_PAIR],
        "valuesObject": ANY, "ignoreMissingValueFiles": FLAG, "skipCrds": FLAG, "version": TEXT,
        "values": TEXT, "fileParameters": ANY, "passCredentials": FLAG, "namespace": TEXT,
        "kubeVersion": TEXT, "apiVersions": [TEXT], "skipTests": FLAG,
        "skipSchemaValidation": FLAG,
    },
)  # fmt: skip
_SOURCE = Block(
    {
        "repoURL": TEXT, "path": TEXT, "targetRevision": TEXT, "helm": _HELM, "chart": TEXT,
        "ref": TEXT, "name": TEXT, "kustomize": ANY, "directory": ANY, "plugin": ANY,
    },
)  # fmt: skip
RETRY = Block(
    {
        "limit": NUMBER,
        "refresh": FLAG,
        "backoff": Block({"duration": TEXT, "factor": NUMBER_POINTER, "maxDuration": TEXT}),
    },
)
_POLICY = Block(
    {
        "automated": Block(
            {"prune": FLAG, "selfHeal": FLAG, "allowEmpty": FLAG, "enabled": FLAG_POINTER}
        ),
        "syncOptions": [TEXT],
        "retry": RETRY,
        "managedNamespaceMetadata": Block({"labels": LABELS, "annotations": LABELS}),
    },
)
_DESTINATION = Block({"server": TEXT, "namespace": TEXT, "name": TEXT})
APPLICATION_SPEC = Block(
    {
        "source": _SOURCE, "destination": _DESTINATION, "project": TEXT, "syncPolicy": _POLICY,
        "ignoreDifferences": ANY, "info": ANY, "revisionHistoryLimit": NUMBER_POINTER,
        "sources": ANY, "sourceHydrator": ANY,
    },
)  # fmt: skip
_METADATA = Block(
    {
        "name": TEXT, "namespace": TEXT, "labels": LABELS, "annotations": LABELS,
        "finalizers": [TEXT], "resourceVersion": TEXT,
    },
)  # fmt: skip
APPLICATION = Block({"metadata": _METADATA, "spec": APPLICATION_SPEC})
_KIND = Block({"group": WRITTEN, "kind": WRITTEN, "name": TEXT})
_PROJECT_SPEC = Block(
    {
        "sourceRepos": [TEXT], "destinations": [_DESTINATION], "description": TEXT,
        "roles": ANY, "clusterResourceWhitelist": [_KIND], "clusterResourceBlacklist": [_KIND],
        "namespaceResourceWhitelist": [_KIND], "namespaceResourceBlacklist": [_KIND],
        "orphanedResources": ANY, "syncWindows": ANY, "signatureKeys": ANY,
        "sourceNamespaces": [TEXT], "permitOnlyProjectScopedClusters": FLAG,
        "destinationServiceAccounts": ANY,
    },
)  # fmt: skip
PROJECT = Block({"metadata": _METADATA, "spec": _PROJECT_SPEC})
SYNC = Block(
    {
        "revision": TEXT, "prune": FLAG, "dryRun": FLAG, "strategy": ANY, "syncOptions": ANY,
        "resources": [Block({"group": TEXT, "kind": TEXT, "name": TEXT, "namespace": TEXT})],
        "retryStrategy": RETRY, "infos": [Block({"name": TEXT, "value": TEXT})], "manifests": ANY,
        "sourcePositions": ANY, "revisions": ANY, "project": TEXT, "appNamespace": TEXT,
    },
)  # fmt: skip
ROLLBACK = Block(
    {"id": NUMBER, "prune": FLAG, "dryRun": FLAG, "project": TEXT, "appNamespace": TEXT}
)
PATCH = Block({"patch": TEXT, "patchType": TEXT, "project": TEXT, "appNamespace": TEXT})

# What the vendor can do and this stand-in cannot: refused instead of quietly ignored.
_UNKNOWN = ("sources", "sourceHydrator")
_UNKNOWN_SOURCE = ("chart", "ref", "kustomize", "directory", "plugin")
_UNKNOWN_HELM = ("values", "fileParameters", "namespace", "kubeVersion", "apiVersions")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


def application(body: Any) -> Json:
    """An Application from a request, normalised.

    Raises:
        ValueError: a field of the wrong type.
    """
    found: Json = decode(APPLICATION, body, "Application")
    return {
        "metadata": found.get("metadata", {}),
        "spec": normalised(found.get("spec", {})),
    }


def application_spec(body: Any) -> Json:
    """An ApplicationSpec from a request, normalised.

    Raises:
        ValueError: a field of the wrong type.
    """
    return normalised(decode(APPLICATION_SPEC, body, "ApplicationSpec"))


def normalised(spec: Json) -> Json:
    """Project `default` where none is named; empty blocks gone; destination always there."""
    spec = {**spec, "project": spec.get("project") or "default"}
    spec.setdefault("destination", {})
    if not spec.get("syncPolicy", True):
        del spec["syncPolicy"]
    source = spec.get("source")
    if source is not None:
        spec["source"] = {"repoURL": "", **source}
        if not source.get("helm", True):
            del spec["source"]["helm"]
    return spec


def unknown_parts(spec: Json) -> list[str]:
    """Parts of the spec that the vendor has and the stand-in lacks."""
    source = spec.get("source") or {}
    helm = source.get("helm") or {}
    return [
        *(f"spec.{key}" for key in _UNKNOWN if key in spec),
        *(f"spec.source.{key}" for key in _UNKNOWN_SOURCE if key in source),
        *(f"spec.source.helm.{key}" for key in _UNKNOWN_HELM if key in helm),
    ]


def invalid_metadata(kind: str, metadata: Json) -> str:
    """Kubernetes' message about a name or label that it would refuse, else empty."""
    name = metadata.get("name", "")
    complaint = ""
    if not _NAME.fullmatch(name):
        complaint = f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain'
    for value in (metadata.get("labels") or {}).values():
        if not _LABEL.fullmatch(value):
            complaint = f'metadata.labels: Invalid value: "{value}": a valid label must be'
    for finalizer in metadata.get("finalizers") or ():
        if "." not in finalizer:
            complaint = f'metadata.finalizers: Invalid value: "{finalizer}": name is not qualified'
    return f'{kind}.argoproj.io "{name}" is invalid: {complaint}' if complaint else ""


def too_late(app: Json, wanted: Iterable[str]) -> str:
    """Kubernetes' message about finalizers that a dying object may not get, else empty."""
    added = sorted(set(wanted) - set(finalizers(app)))
    if not added or not dying(app):
        return ""
    return (
        f'Application.argoproj.io "{name_of(app)}" is invalid: metadata.finalizers: Forbidden:'
        " no new finalizers can be added if the object is being deleted,"
        f" found new finalizers {added}"
    )
