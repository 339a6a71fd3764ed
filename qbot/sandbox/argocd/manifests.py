"""One rendered manifest and what Argo CD reads from its annotations."""

from dataclasses import dataclass
from typing import Any

from qbot.sandbox.argocd.objects import Json
from qbot.sandbox.argocd.templates import ChartError

Key = tuple[str, str, str, str]  # group, kind, namespace, name

HOOK = "argocd.argoproj.io/hook"
WAVE = "argocd.argoproj.io/sync-wave"
POLICY = "argocd.argoproj.io/hook-delete-policy"
SECONDS = "sandbox.qbot.dev/seconds"
SYNC_HOOKS = ("PreSync", "Sync", "PostSync", "SyncFail")
DELETE_HOOKS = ("PreDelete", "PostDelete")
CLUSTER_WIDE = frozenset(
    {
        "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IngressClass",
        "Namespace", "PersistentVolume", "PriorityClass", "StorageClass",
    }
)  # fmt: skip
# How long a thing takes to become healthy or complete where its annotation does not say.
_SECONDS = {"Deployment": 8.0, "StatefulSet": 10.0, "DaemonSet": 8.0, "Job": 5.0, "Ingress": 4.0}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What should be in the cluster; two are the same thing when their keys are equal."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    body: Json
    hooks: tuple[str, ...]
    wave: int
    policies: tuple[str, ...]
    seconds: float
    images: tuple[str, ...]

    @property
    def key(self) -> Key:
        """What identifies the object in the cluster."""
        return (self.group, self.kind, self.namespace, self.name)

    @property
    def reference(self) -> Json:
        """The five fields by which Argo CD's answers name a resource; empty ones left out."""
        fields = {
            "group": self.group,
            "version": self.version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
        }
        return {key: value for key, value in fields.items() if value}


def manifest(template: str, body: Any, namespace: str) -> Manifest:
    """Read one document; a namespaced object without a namespace goes to `namespace`.

    Raises:
        ChartError: a document that is no Kubernetes object.
    """
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(metadata, dict) or not (body.get("kind") and body.get("apiVersion")):
        raise ChartError(f"{template}: Object 'Kind' is missing")
    if not metadata.get("name"):
        raise ChartError(f"{template}: resource name may not be empty")
    group, _, version = str(body["apiVersion"]).rpartition("/")
    notes = {str(key): str(value) for key, value in (metadata.get("annotations") or {}).items()}
    kind = str(body["kind"])
    home = "" if kind in CLUSTER_WIDE else str(metadata.get("namespace") or namespace)
    return Manifest(
        group=group,
        version=version,
        kind=kind,
        namespace=home,
        name=str(metadata["name"]),
        body={**body, "metadata": {**metadata, **({"namespace": home} if home else {})}},
        hooks=_words(notes.get(HOOK, "")),
        wave=_number(template, notes.get(WAVE, "0")),
        policies=_words(notes.get(POLICY, "")),
        seconds=float(notes.get(SECONDS) or _SECONDS.get(kind, 0.0)),
        images=_images(body),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _number(template: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ChartError(f"{template}: {WAVE} is not a number: {text!r}") from None


def _images(body: Json) -> tuple[str, ...]:
    template = (body.get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or []
    return tuple(str(each["image"]) for each in containers if each.get("image"))
