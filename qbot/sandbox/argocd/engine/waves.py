"""Which resources a sync touches, in what order, and in which groups.

Source: gitops-engine `pkg/sync/sync_tasks.go`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qbot.sandbox.argocd.manifests import Key, Manifest
from qbot.sandbox.argocd.objects import Json

PHASES = ("PreSync", "Sync", "PostSync", "SyncFail")
_KINDS = (
    "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget",
    "ServiceAccount", "Secret", "ConfigMap", "StorageClass", "PersistentVolume",
    "PersistentVolumeClaim", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding",
    "Role", "RoleBinding", "Service", "DaemonSet", "Pod", "ReplicaSet", "Deployment",
    "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob", "IngressClass", "Ingress",
)  # fmt: skip
_KIND_ORDER = {kind: number for number, kind in enumerate(_KINDS)}


@dataclass(slots=True)
class Task:
    """One resource in one phase of one sync, and how far it is."""

    manifest: Manifest
    phase: str
    wave: int
    hook: str = ""  # the hook type
    prune: bool = False
    status: str = ""  # Synced, SyncFailed, Pruned, PruneSkipped
    state: str = ""  # empty while pending, then Running, Succeeded or Failed
    message: str = ""

    @property
    def pending(self) -> bool:
        """Whether it was not started yet."""
        return not self.state

    def result(self) -> Json:
        """Its entry in `syncResult.resources`."""
        fields = {
            **self.manifest.reference,
            "status": self.status,
            "message": self.message,
            "hookType": self.hook,
            "hookPhase": self.state,
            "syncPhase": self.phase,
        }
        entry: Json = {key: value for key, value in fields.items() if value}
        if self.manifest.images and not self.prune:
            entry["images"] = list(self.manifest.images)
        return entry


def plan(
    manifests: Iterable[Manifest],
    extra: Sequence[Manifest] = (),
    *,
    hooks: bool = True,
    only: frozenset[Key] | None = None,
) -> list[Task]:
    """The tasks of a sync in the order of phase, wave, kind and name.

    Args:
        manifests: what the chart renders to.
        extra: what lives, is tracked, and is no longer wanted.
        hooks: whether hooks run (not in a selective or `apply` sync).
        only: the resources of a selective sync.
    """
    tasks: list[Task] = []
    for each in manifests:
        if each.hooks:
            phases = [hook for hook in each.hooks if hook in PHASES and hooks]
            tasks += [Task(each, phase, each.wave, hook=phase) for phase in phases]
        else:
            tasks.append(Task(each, "Sync", each.wave))
    tasks += _prunes(extra)
    if only is not None:
        tasks = [task for task in tasks if task.manifest.key in only]
    return sorted(tasks, key=_order)


def _prunes(extra: Sequence[Manifest]) -> list[Task]:
    """What was created last goes first: the waves are mirrored."""
    waves = sorted({each.wave for each in extra})
    mirrored = dict(zip(waves, reversed(waves), strict=True))
    return [Task(each, "Sync", mirrored[each.wave], prune=True) for each in extra]


def _order(task: Task) -> tuple[int, int, int, str]:
    kind = _KIND_ORDER.get(task.manifest.kind, len(_KINDS))
    return (PHASES.index(task.phase), task.wave, kind, task.manifest.name)
