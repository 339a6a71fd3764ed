"""What qbot.yaml says about the Applications and AppProjects that Qbot makes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from qbot.errors import PermanentError

DEFAULT_KINDS = (
    "ConfigMap",
    "LimitRange",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "Secret",
    "Service",
    "ServiceAccount",
    "apps/DaemonSet",
    "apps/Deployment",
    "apps/StatefulSet",
    "autoscaling/HorizontalPodAutoscaler",
    "batch/CronJob",
    "batch/Job",
    "networking.k8s.io/Ingress",
    "networking.k8s.io/NetworkPolicy",
    "policy/PodDisruptionBudget",
    "rbac.authorization.k8s.io/Role",
    "rbac.authorization.k8s.io/RoleBinding",
)

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class BaseChart:
    """The small chart that owns an environment's namespace."""

    repo_url: str
    path: str
    revision: str
    value_files: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Between the attempts of one sync; durations as Argo CD reads them, for instance 5s."""

    duration: str = "5s"
    factor: int = 2
    max_duration: str = "3m"


@dataclass(frozen=True, slots=True)
class SpecPolicy:
    """The same for every environment of one Argo CD instance.

    Raises:
        PermanentError: a sync option by which every Application would make the namespace.
    """

    base: BaseChart
    kinds: tuple[str, ...] = ()  # namespaced, `group/Kind`, core ones `Kind`; empty: DEFAULT_KINDS
    track: Literal["commit", "branch"] = "commit"
    prune: bool = True
    self_heal: bool = True
    retries: int = 3
    backoff: Backoff = Backoff()
    sync_options: tuple[str, ...] = ()  # Argo CD's, `Name=value`
    extra_labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        if any(option.strip().startswith("CreateNamespace") for option in self.sync_options):
            raise PermanentError(
                "The sync option CreateNamespace cannot be used: such a namespace belongs to no "
                "Application and stays behind; the base chart makes it."
            )
