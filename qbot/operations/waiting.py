"""Of whom is due and not deleted yet: why. Pure; what people read tells the same as the plan."""

from collections.abc import Mapping, Sequence

from qbot.domain.brake import Check, Hold
from qbot.domain.names import EnvId
from qbot.domain.reaper_rows import Told
from qbot.domain.reaping import Goes, Keep, Reason
from qbot.operations.reaping import Plan

_WHY: Mapping[str, str] = {
    Check.PAUSED: "the reaper is paused",
    Check.UNREAD: "GitLab cannot be read",
    Check.LEAPT: "the clock of Qbot jumped",
}


def holding(plan: Plan) -> Mapping[EnvId, str]:
    """Of those whose owner was warned: the rest of a sentence on why they stay for now."""
    known = plan.known.told
    whys = {env: _why(env, told, plan) for env, told in known.items() if told.at is not None}
    return {env: why for env, why in whys.items() if why}


def notes(plan: Plan) -> Sequence[str]:
    """What is said beside a list of those that go: outside text."""
    found, waits = [], len(plan.waits)
    if isinstance(plan.brake, Hold) and not plan.brake.askable:
        found = [f"On hold: {reason}" for reason in plan.brake.reasons]
    elif waits:
        verb = "waits" if waits == 1 else "wait"
        found = [f"{waits} of these {verb} for a Go; the plan of the reaper says why."]
    return [*found, *(doubt for doubt in plan.doubts if f"On hold: {doubt}" not in found)]


def slides(goes: Goes, plan: Plan) -> bool:
    """Whether its time is not known: its owner is only told when something has let go of it."""
    quiet = isinstance(plan.brake, Hold) and plan.brake.doubts
    return goes.warned_at is None and (quiet or goes in plan.doubted)


def _why(env: EnvId, told: Told, plan: Plan) -> str:
    """Empty: it goes when it is due, or something else is said of it."""
    verdict = plan.verdicts.get(env)
    if isinstance(verdict, Keep):
        unknown = verdict.reason is Reason.UNPROVEN and told.due_at <= plan.at
        return "GitLab does not say enough of its branch" if unknown else ""
    if verdict is None or any(goes.env == env for goes, _ in plan.free):
        return ""
    if any(goes.env == env for goes in plan.waits):
        return "somebody has to say Go first"
    if not verdict.due(plan.at) or not isinstance(plan.brake, Hold):
        return ""
    return next((why for check, why in _WHY.items() if check in plan.brake.checks), "")
