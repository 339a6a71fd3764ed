"""What Argo CD reports of one Application -> ready, waiting or broken.

Words are Argo CD's own (sync status, health status, operation phase).
"""

from dataclasses import dataclass, field
from datetime import datetime

from qbot.domain.names import AppName, EnvId, ServiceName


@dataclass(frozen=True, slots=True)
class AppState:
    """One Application as last seen; compact: thousands of these are kept."""

    name: AppName
    env: EnvId
    service: ServiceName
    version: int  # resourceVersion: a higher one is newer
    wanted: str = ""  # spec.source.targetRevision
    sync: str = ""  # Synced, OutOfSync, Unknown, or "" before the first comparison
    revision: str = ""  # status.sync.revision
    health: str = ""  # Healthy, Progressing, Degraded, Suspended, Missing, Unknown, or ""
    health_message: str = ""
    requested: bool = False  # `operation` is set: a sync is wanted or running
    phase: str = ""  # operationState.phase: Running, Terminating, Succeeded, Failed, Error, or ""
    message: str = ""  # operationState.message
    synced_revision: str = ""  # operationState.syncResult.revision
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reconciled_at: datetime | None = None
    conditions: tuple[tuple[str, str], ...] = ()  # (type, message), errors only
    resources: int = 0  # how many it manages; 0 = an empty chart or not compared yet
    info: str = ""  # Qbot's operation id, where Qbot asked for the sync
    deleting: bool = False
    waits_for: str = ""  # the hook, wave or resource in the way, in Argo CD's words


@dataclass(frozen=True, slots=True)
class Ready:
    """Deployed: synced at the wanted commit, healthy, nothing running."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """On its way; `reason` says what is in the way."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """It will not get there by itself."""

    reason: str = field(default="")


Verdict = Ready | Waiting | Broken
