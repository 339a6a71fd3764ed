"""`sync`: an environment moves to its branch's newest commits; also Retry failed and Resume."""

from collections.abc import Sequence

from qbot.domain.environment import Environment
from qbot.domain.inputs import SyncInput
from qbot.domain.progress import End, Step
from qbot.domain.services import ServicePlan
from qbot.errors import UserError
from qbot.operations.beginning import begun
from qbot.operations.context import Context
from qbot.operations.endings import ended, refused
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.pushed import pushed, waiting
from qbot.operations.rolling import refusal, resolved, roll
from qbot.operations.run import Run
from qbot.operations.standing import standing
from qbot.operations.sync_preview import newest, preview
from qbot.operations.track import opened


async def sync(run: Run, context: Context) -> Outcome:
    """Resolve again, bring Applications up to date, ask Argo CD to sync, wait."""
    asked = run.operation.input
    if not isinstance(asked, SyncInput):
        raise TypeError(asked)
    tracker = await opened(run, context)
    env = tracker.env
    if asked.goal:
        tracker.goes_back(asked.goal)
    chosen = [p for p in env.plans if not asked.services or p.service in asked.services]
    if asked.dry_run:
        return await preview(run, context, tracker, asked, chosen)
    if why := await refusal(run, context, env, asked.services) or _empty(env, chosen):
        outcome = await refused(run, context, tracker, env.phase, why)
        return waiting(outcome, env) if asked.pushed else outcome
    if asked.pushed:
        return await pushed(run, context, tracker, asked)
    await begun(run, context, tracker)
    tracker.step(Step.RESOLVING)
    try:
        before = await standing(run, context.instance(env), env)
        plans = await resolved(run, context, env, lambda c: newest(c, env, asked, chosen))
    except Cancelled:
        return ended(context, tracker, End.CANCELLED, env.phase, "Nothing was changed.")
    tracker.plan(plans, before.was(plans), before.undone(plans))
    return await roll(run, context, tracker, asked, before, plans)


def _empty(env: Environment, chosen: Sequence[ServicePlan]) -> UserError | None:
    if chosen:
        return None
    return UserError(
        f"Nothing was ever deployed to `{env.branch}`.",
        hint=f"`delete {env.branch}`, then `create {env.branch}` once more.",
    )
