"""What Argo CD reports of one Application -> ready, waiting or broken.

Words are Argo CD's own (sync status, health status, operation phase). "Deployed" is more than
Synced and Healthy: both lag behind a sync, and an Application without resources is both.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from qbot.domain.names import AppName, EnvId, OpId, ServiceName
from qbot.domain.obstacles import is_passing
from qbot.domain.progress import Stage


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
    prunable: str = ""  # a resource that git no longer has, and that is still there


def is_failing(state: AppState) -> bool:
    """Whether even the few fields of a list show that a service fails; less sure than `verdict`."""
    if state.deleting:
        return False
    unsynced = state.phase in ("Failed", "Error") and state.sync != "Synced"
    return state.health == "Degraded" or (unsynced and not state.requested)


@dataclass(frozen=True, slots=True)
class Ready:
    """Deployed: synced at the wanted commit, healthy, nothing running."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """On its way; `reason` says what is in the way, `stage` how bad that looks."""

    reason: str = ""
    stage: Stage = Stage.SYNCING


@dataclass(frozen=True, slots=True)
class Broken:
    """It will not get there by itself."""

    reason: str = field(default="")


Verdict = Ready | Waiting | Broken

_EMPTY = "Its chart makes no resources at this commit."
_SHA = re.compile(r"\b[0-9a-f]{40}\b")
_RETRYING = re.compile(r"\s*(?:Retrying attempt #(\d+).*)$", re.DOTALL)


def verdict(
    state: AppState, *, wanted: str, since: datetime | None, op: OpId | None = None
) -> Verdict:
    """Whether an Application is deployed at a commit.

    Args:
        state: what Argo CD said last.
        wanted: the commit, 40 digits; empty: whichever one its targetRevision stands for.
        since: when a sync was asked for, or its spec changed; older results do not count.
        op: whose sync counts even if the clocks of Argo CD and Qbot differ.
    """
    goal = wanted or state.revision
    if since and op is not None and state.info == op and state.started_at:
        since = state.started_at  # our own sync: Argo CD's clock alone decides what is newer
    if state.deleting:
        return Broken("It is being deleted.")
    if _in_progress(state):
        return _invalid(state) or _waiting(state)
    failed = _failed_sync(state, goal, since, op) or _condition(state, goal, since)
    if failed:
        return failed
    missing = _unsynced(state, goal, since, op)
    return missing or _health(state)


def _in_progress(state: AppState) -> bool:
    return state.requested or state.phase in ("Running", "Terminating")


def _waiting(state: AppState) -> Waiting:
    """A running sync in words; a retry that is due is Running with an end time."""
    if state.phase == "Terminating":
        return Waiting("Its sync is being stopped.")
    if state.phase != "Running":
        return Waiting("Argo CD has no free worker for it yet.")
    if state.finished_at is not None:
        retry = _RETRYING.search(state.message)
        what = _RETRYING.sub("", state.message).rstrip(".")
        number = f" (attempt {retry[1]})" if retry else ""
        return Waiting(f"{what}{number}", Stage.RETRYING)
    if state.waits_for:
        return Waiting(f"Waits for {state.waits_for}")
    return Waiting(state.message or "Its sync has begun.")


def _invalid(state: AppState) -> Broken | None:
    found = [text for kind, text in state.conditions if kind == "InvalidSpecError"]
    return Broken(f"InvalidSpecError: {found[0]}") if found else None


def _condition(state: AppState, goal: str, since: datetime | None) -> Broken | Waiting | None:
    """An error that Argo CD holds against the Application, unless it is about something older."""
    if invalid := _invalid(state):
        return invalid
    for kind, text in state.conditions:
        about = _SHA.findall(text) if kind == "SyncError" else []
        if about and goal and goal not in about:
            continue
        if not _reached(state.reconciled_at, since):
            return Waiting("Argo CD has not compared it again yet.")
        # A hundred Applications at once overload the repo-server for a while.
        passing = kind == "ComparisonError" and is_passing(text)
        return Waiting(f"{kind}: {text}") if passing else Broken(f"{kind}: {text}")
    return None


def _failed_sync(
    state: AppState, goal: str, since: datetime | None, op: OpId | None
) -> Broken | None:
    if state.phase not in ("Failed", "Error") or not _is_ours(state, since, op):
        return None
    # A failed sync of an older commit is history, until Argo CD sees nothing left to do.
    settled = state.sync == "Synced" and state.revision == goal
    if state.synced_revision not in ("", goal) and not settled:
        return None
    why = state.waits_for or state.message
    return Broken(f"Sync {state.phase.lower()}: {why}")


def _is_ours(state: AppState, since: datetime | None, op: OpId | None) -> bool:
    if since is None or (op is not None and state.info == op):
        return True
    return _reached(state.started_at, since)


def _unsynced(
    state: AppState, goal: str, since: datetime | None, op: OpId | None
) -> Broken | Waiting | None:
    """What keeps it from being synced at the goal and compared since."""
    if not state.sync or not goal:
        return Waiting("Argo CD has not compared it yet.")
    if state.sync == "Unknown":
        return Waiting("Argo CD cannot compare it with its repository at the moment.")
    if state.revision != goal:
        return Waiting(f"It is still at commit {state.revision[:8]}.")
    if state.sync != "Synced":
        if state.prunable and _is_synced(state, goal) and _is_ours(state, since, op):
            return Broken(f"{state.prunable} is no longer in git, and its sync does not prune.")
        return Waiting("It is out of sync; Argo CD is about to sync it.")
    if not state.phase and state.reconciled_at and not state.resources:
        return Broken(_EMPTY)  # there is nothing that Argo CD would ever sync
    if state.phase != "Succeeded" or not _is_ours(state, since, op):
        return Waiting("Its sync has not begun yet.")
    if not _reached(state.reconciled_at, state.finished_at) or state.reconciled_at is None:
        return Waiting("Argo CD has not looked at it since its sync.")
    if not _reached(state.reconciled_at, since):
        return Waiting("Argo CD has not compared it again yet.")
    # Synced at a commit that was never synced is right too: nothing in its manifests changed.
    return None if state.resources else Broken(_EMPTY)


def _is_synced(state: AppState, goal: str) -> bool:
    """Whether a sync at the goal has ended well and was compared since, whatever is left."""
    done = state.phase == "Succeeded" and state.synced_revision == goal
    compared = state.reconciled_at and _reached(state.reconciled_at, state.finished_at)
    return done and not state.requested and bool(compared)


def _reached(moment: datetime | None, since: datetime | None) -> bool:
    """Whether `moment` is not before `since`, in the whole seconds that Kubernetes keeps."""
    if since is None:
        return True
    return moment is not None and moment >= since.replace(microsecond=0)


def _health(state: AppState) -> Verdict:
    detail = state.waits_for or state.health_message
    said = f"{state.health or 'Unknown'}: {detail}" if detail else state.health
    match state.health:
        case "Healthy" | "Suspended":  # suspended by its chart: a CronJob that shall not run
            return Ready()
        case "Degraded":
            return Broken(said)
        case "":
            return Waiting("Argo CD has not looked at its health yet.")
        case _:  # Progressing, Missing, Unknown
            return Waiting(detail or state.health)


class Debounce:
    """Believes bad news only once it has lasted: health flaps while pods start.

    Going from Waiting or Broken to Ready counts at once; leaving Ready, and becoming Broken,
    after `hold`. Keeps one memory per key; `now` comes from the caller's clock.
    """

    def __init__(self, hold: timedelta) -> None:
        self._hold = hold
        self._believed: dict[Hashable, Verdict] = {}
        self._doubted: dict[Hashable, tuple[type[Verdict], datetime]] = {}

    def settle(self, key: Hashable, seen: Verdict, *, now: datetime) -> Verdict:
        """What to believe of `key`, given what is seen now."""
        believed = self._believed.get(key, Waiting())
        if type(seen) is type(believed) or not self._doubtful(believed, seen):
            self._doubted.pop(key, None)
            self._believed[key] = seen
            return seen
        kind, first = self._doubted.get(key, (type(seen), now))
        if kind is not type(seen):
            first = now
        self._doubted[key] = (type(seen), first)
        if now - first >= self._hold:
            del self._doubted[key]
            self._believed[key] = seen
            return seen
        if isinstance(seen, Broken) and isinstance(believed, Waiting):
            return Waiting(seen.reason, Stage.FALTERING)
        return believed

    @staticmethod
    def _doubtful(believed: Verdict, seen: Verdict) -> bool:
        return isinstance(seen, Broken) or isinstance(believed, Ready)
