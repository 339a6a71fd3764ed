"""`deploy`: some services of an environment run what somebody names, until it is given up."""

from collections.abc import Mapping
from dataclasses import replace

from qbot.domain.images import names_image
from qbot.domain.inputs import DeployInput, SyncInput
from qbot.domain.names import ServiceName
from qbot.domain.progress import End, Step
from qbot.domain.services import ServicePlan, Source
from qbot.errors import UserError
from qbot.operations.beginning import begun
from qbot.operations.context import Context
from qbot.operations.endings import ended, refused
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.overrides import CLEARED, at_ref, with_image
from qbot.operations.registered import registered
from qbot.operations.resolve import resolve_again, with_builds
from qbot.operations.rolling import Plans, not_here, refusal, resolved, roll
from qbot.operations.run import Run
from qbot.operations.standing import glance, standing
from qbot.operations.telling import previewed, told
from qbot.operations.track import Tracker, opened

_BORROWED = (Source.DEFAULT, Source.FROM)


async def deploy(run: Run, context: Context) -> Outcome:
    """Resolve what was named, deploy only that, and say how the environment is then."""
    asked = run.operation.input
    if not isinstance(asked, DeployInput):
        raise TypeError(asked)
    tracker = await opened(run, context)
    env, overrides = tracker.env, dict(asked.overrides)
    why = await refusal(run, context, env, overrides)
    if asked.dry_run:
        return await _preview(run, context, tracker, overrides, why)
    if why:
        return await refused(run, context, tracker, env.phase, why)
    tracker.step(Step.RESOLVING)
    try:
        before = await standing(run, context.instance(env), env)
        plans = await resolved(run, context, env, lambda c: _plans(run, c, tracker, overrides))
    except UserError as error:
        return await refused(run, context, tracker, env.phase, error)
    except Cancelled:
        return ended(context, tracker, End.CANCELLED, env.phase, "Nothing was changed.")
    await begun(run, context, tracker)
    tracker.plan(plans, before.told)
    # Named, so that a sync of before that hangs makes way.
    return await roll(run, context, tracker, SyncInput(services=tuple(overrides)), before, plans)


async def _preview(
    run: Run,
    context: Context,
    tracker: Tracker,
    overrides: Mapping[ServiceName, str],
    why: UserError | None,
) -> Outcome:
    """Resolve, change nothing, and say which services would move, to the person only."""
    try:
        if why:
            raise why
        plans = await run.call("resolve", lambda: _plans(run, context, tracker, overrides))
    except UserError as error:
        await told(run, context.answers, error)
        return Outcome(End.REFUSED, str(error))
    was, doubt = await glance(run, context, tracker.env)
    tracker.plan(plans, was)
    progress = replace(tracker.dry(at=context.clock.now()), headline=doubt)
    await previewed(run, context.answers, progress)
    return Outcome(End.SUCCEEDED, "")


async def _plans(
    run: Run, context: Context, tracker: Tracker, overrides: Mapping[ServiceName, str]
) -> Plans:
    """What each of these services shall run from now on."""
    env, gitlab, by = tracker.env, context.gitlab, run.operation.actor
    found: list[ServicePlan] = []
    for name, text in overrides.items():
        plan, service = env.plan_of(name), context.catalog.get(name)
        if plan is None or service is None:
            raise not_here(env, name)
        if text == CLEARED:
            found.append(await _cleared(context, tracker, plan))
        elif names_image(text):
            found.append(with_image(plan, service, text, by))
        else:
            found.append(await at_ref(gitlab, service, text, by))
    plans = await with_builds(gitlab, context.catalog, found)
    return await registered(context.images, context.catalog, plans, overrides)


async def _cleared(context: Context, tracker: Tracker, plan: ServicePlan) -> ServicePlan:
    """What the environment would run: its branch, else what was borrowed before the override.

    Without a memory of that it is the default branch's last green commit, as in a new one.
    """
    if plan.source not in (Source.SET, Source.PINNED):
        return plan
    env, catalog = tracker.env, context.catalog
    sets = await context.store.ready_sets(env.id)
    known = (p for s in sets for p in s.plans if p.service == plan.service)
    borrowed = next((p for p in known if p.source in _BORROWED), None)
    base = borrowed or ServicePlan(plan.service, Source.DEFAULT, "", "")
    (found,) = await resolve_again(
        context.gitlab, catalog, env.branch, [base], refresh=borrowed is None, keep=False
    )
    return found
