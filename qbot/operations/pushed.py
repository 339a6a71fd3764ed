"""A sync that nobody but a push asked for: what it left behind moves, and nothing else."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.branches import Tip
from qbot.domain.changes import PushWaits
from qbot.domain.environment import Environment
from qbot.domain.following import behind, may_run
from qbot.domain.inputs import SyncInput
from qbot.domain.progress import End, Step
from qbot.domain.services import ServicePlan, Source
from qbot.operations.beginning import begun
from qbot.operations.context import Context
from qbot.operations.endings import ended
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.resolve import resolve_again
from qbot.operations.rolling import resolved, roll
from qbot.operations.run import Run
from qbot.operations.standing import standing
from qbot.operations.track import Tracker

_NOTHING = "What was pushed runs already."
_LATER = "What was pushed may not run yet."


async def pushed(run: Run, context: Context, tracker: Tracker, asked: SyncInput) -> Outcome:
    """Ask GitLab which commits are newest now, and deploy those that may run."""
    env = tracker.env
    tracker.step(Step.RESOLVING)
    try:
        before = await standing(run, context.instance(env), env)
        plans = await resolved(run, context, env, lambda c: _newest(c, env))
    except Cancelled:
        return ended(context, tracker, End.CANCELLED, env.phase, "Nothing was changed.")
    if not plans:
        return await _left_alone(context, tracker)
    await begun(run, context, tracker)
    olds = before.plans
    tracker.switches(tuple(p.service for p in plans if olds[p.service].source is not Source.BRANCH))
    tracker.plan(plans, before.was(plans))
    return await roll(run, context, tracker, asked, before, plans)


async def _left_alone(context: Context, tracker: Tracker) -> Outcome:
    """What GitLab said is written down by now: whatever is behind still waits for its pipeline."""
    env = tracker.env
    if behind(env, context.catalog, await context.tips.tips(env.branch)):
        outcome = ended(context, tracker, End.REFUSED, env.phase, _LATER)
        return waiting(outcome, env)
    return ended(context, tracker, End.REFUSED, env.phase, _NOTHING)


def waiting(outcome: Outcome, env: Environment) -> Outcome:
    """Nothing ran, and it is asked for again as soon as it may."""
    return replace(outcome, changes=[*outcome.changes, PushWaits(env.branch)])


async def _newest(context: Context, env: Environment) -> tuple[ServicePlan, ...]:
    """The newest versions of the services that are behind; those without a build stay out."""
    found = behind(env, context.catalog, await context.tips.tips(env.branch))
    plans = await resolve_again(
        context.gitlab,
        context.catalog,
        env.branch,
        [b.plan for b in found],
        refresh=False,
        keep=False,
    )
    now, wait = context.clock.now(), context.rules.wait_for_builds

    def seen_at(plan: ServicePlan, tip: Tip) -> datetime:
        return tip.fact.seen_at if tip.fact.sha == plan.sha else now  # pushed since

    return tuple(
        plan
        for plan, one in zip(plans, found, strict=True)
        if plan.sha != one.plan.sha
        and may_run(plan.build, one.plan, seen_at(plan, one.tip), now, wait=wait)
    )
