"""Whether a comparison leads to an automated sync.

Source: Argo CD `controller/appcontroller.go` (autoSync, alreadyAttemptedSync, shouldSelfHeal).
"""

from dataclasses import dataclass

from qbot.sandbox.argocd.engine.comparison import Comparison
from qbot.sandbox.argocd.engine.origins import commit, commits, origin
from qbot.sandbox.argocd.objects import Json, dying, merged, moment

_RETRY = {"limit": 5}
_HEAL_FIRST, _HEAL_FACTOR, _HEAL_MOST = 2.0, 3.0, 300.0


@dataclass(frozen=True, slots=True)
class Start:
    """Write this operation."""

    operation: Json


@dataclass(frozen=True, slots=True)
class Later:
    """Self-heal, but not before that many seconds of work time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Problem:
    """Nothing to do but a SyncError condition."""

    message: str


Decision = Start | Later | Problem | None


def decide(app: Json, found: Comparison, *, now: float, speed: float) -> Decision:
    """What auto-sync makes of it; `now` is in unix seconds."""
    policy = app["spec"].get("syncPolicy") or {}
    automated = policy.get("automated")
    if automated is None or automated.get("enabled") is False or found.sync != "OutOfSync":
        return None
    if dying(app) or app.get("operation"):
        return None
    prune = bool(automated.get("prune"))
    if found.only_prune and not prune:
        return None
    heals = 0
    state = app["status"].get("operationState")
    if state and _attempted(app, state, found.revision):
        if state["phase"] != "Succeeded":
            return Problem(f"Failed last sync attempt to {found.revision}: {state['message']}")
        if not automated.get("selfHeal"):
            return None
        heals = state["operation"].get("sync", {}).get("autoHealAttemptsCount", 0)
        left = _heal_pause(heals) - (now - moment(state["finishedAt"]).timestamp()) * speed
        if left > 0:
            return Later(left)
        heals += 1
    if found.wipes_out and prune and not automated.get("allowEmpty"):
        what = f"Skipping sync attempt to {found.revision}"
        return Problem(f"{what}: auto-sync will wipe out all resources")
    return Start(_operation(policy, origin(app["spec"]), found.revision, heals, prune=prune))


def _operation(policy: Json, source: Json, revision: str, heals: int, *, prune: bool) -> Json:
    sync = merged(
        commits(revision, source),
        prune=prune or None,
        syncOptions=policy.get("syncOptions"),
        autoHealAttemptsCount=heals or None,
    )
    retry = policy.get("retry", _RETRY)
    return {"sync": sync, "initiatedBy": {"automated": True}, "retry": retry}


def _attempted(app: Json, state: Json, revision: str) -> bool:
    """Whether the last operation was for this commit and these parameters."""
    result = state.get("syncResult") or {}
    if commit(result) != revision:
        return False
    return _parameters(origin(result)) == _parameters(origin(app["spec"]))


def _parameters(of: Json) -> list[Json]:
    every = of["sources"] if "sources" in of else [of["source"]]
    return [merged(source, targetRevision=None) for source in every]


def _heal_pause(heals: int) -> float:
    """Seconds after which the next self-heal may start, none before the first."""
    return min(_HEAL_FIRST * _HEAL_FACTOR ** (heals - 1), _HEAL_MOST) if heals else 0.0
