"""`rollback ENV`: back to the versions that were ready together before; again: further back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from qbot.domain.environment import Environment, ReadySet, ways_back
from qbot.domain.inputs import RestoreInput, SyncInput
from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.progress import End, Goal, Step
from qbot.domain.services import FOLLOWING, ServicePlan, Source
from qbot.errors import UserError
from qbot.operations.beginning import begun
from qbot.operations.context import Context
from qbot.operations.endings import ended, refused
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.rolling import Plans, refusal, resolved, roll
from qbot.operations.run import Run
from qbot.operations.standing import glance, standing
from qbot.operations.telling import previewed, told
from qbot.operations.track import Tracker, opened

_GOAL = TypeAdapter(Goal)


async def restore(run: Run, context: Context) -> Outcome:
    """Deploy again what ran before, only where it differs; it stays until the next sync."""
    asked = run.operation.input
    if not isinstance(asked, RestoreInput):
        raise TypeError(asked)
    tracker = await opened(run, context)
    env = tracker.env
    why = await refusal(run, context, env, asked.services)
    if asked.dry_run:
        return await _preview(run, context, tracker, asked, why)
    if why:
        return await refused(run, context, tracker, env.phase, why)
    tracker.step(Step.RESOLVING)
    try:
        before = await standing(run, context.instance(env), env)
        tracker.goes_back(await _goal(run, context, env, asked.services))
        plans = await resolved(run, context, env, lambda c: _plans(run, c, tracker, asked.services))
    except UserError as error:
        return await refused(run, context, tracker, env.phase, error)
    except Cancelled:
        return ended(context, tracker, End.CANCELLED, env.phase, "Nothing was changed.")
    await begun(run, context, tracker)
    tracker.plan(plans, before.told)
    names = tuple(p.service for p in plans)
    # Named, so that a sync of before that hangs makes way.
    return await roll(run, context, tracker, SyncInput(services=names), before, plans)


async def _preview(
    run: Run, context: Context, tracker: Tracker, asked: RestoreInput, why: UserError | None
) -> Outcome:
    """Say which services would move, to the person only."""
    env = tracker.env
    try:
        if why:
            raise why
        earlier = await run.call("the database", lambda: _earlier(context, env, asked.services))
    except UserError as error:
        await told(run, context.answers, error)
        return Outcome(End.REFUSED, str(error))
    was, doubt = await glance(run, context, env)
    tracker.goes_back(Goal(earlier.number, earlier.at))
    tracker.plan(_differing(earlier, _present(env, asked.services), run.operation.actor), was)
    progress = replace(tracker.dry(at=context.clock.now()), headline=doubt)
    await previewed(run, context.answers, progress)
    return Outcome(End.SUCCEEDED, "")


async def _goal(
    run: Run, context: Context, env: Environment, services: Collection[ServiceName]
) -> Goal:
    """What it goes back to, found once.

    Raises:
        UserError: there is nothing.
    """

    async def look() -> object:
        found = await _earlier(context, env, services)
        return _GOAL.dump_python(Goal(found.number, found.at), mode="json")

    return _GOAL.validate_python(await run.step("goal", look))


async def _plans(
    run: Run, context: Context, tracker: Tracker, services: Collection[ServiceName]
) -> Plans:
    """What has to move to come to the goal."""
    env, goal = tracker.env, tracker.progress.goal
    sets = await context.store.ready_sets(env.id)
    earlier = next((s for s in sets if goal and s.number == goal.number), None)
    present = _present(env, services)
    return _differing(earlier, present, run.operation.actor) if earlier else ()


def _present(
    env: Environment, services: Collection[ServiceName]
) -> Mapping[ServiceName, ServicePlan]:
    return {p.service: p for p in env.plans if not services or p.service in services}


async def _earlier(
    context: Context, env: Environment, services: Collection[ServiceName]
) -> ReadySet:
    """The newest set on the way back in which one of these services differs.

    Raises:
        UserError: there is none.
    """
    sets, present = await context.store.ready_sets(env.id), _present(env, services)
    for earlier in ways_back(sets):
        if any(p.service in present and not p.runs_as(present[p.service]) for p in earlier.plans):
            return earlier
    raise _nothing(env, sets, services)


def _differing(earlier: ReadySet, present: Mapping[ServiceName, ServicePlan], by: Actor) -> Plans:
    return tuple(
        _put_back(plan, by)
        for plan in earlier.plans
        if plan.service in present and not plan.runs_as(present[plan.service])
    )


def _put_back(plan: ServicePlan, by: Actor) -> ServicePlan:
    """An earlier commit of the branch is no longer the branch; all else is as it was."""
    return replace(plan, source=Source.PINNED, by=by) if plan.source in FOLLOWING else plan


def _nothing(
    env: Environment, sets: Sequence[ReadySet], services: Collection[ServiceName]
) -> UserError:
    if not sets:
        return UserError(
            f"`{env.branch}` has never been ready as a whole: there is nothing to go back to.",
            hint=f"`deploy {env.branch} svc=ref` runs another version of one service.",
        )
    what = ", ".join(f"`{s}`" for s in sorted(services)[:6]) or "everything"
    return UserError(
        f"Of `{env.branch}` no earlier versions are known to have been ready: {what} stays.",
        hint=f"`history {env.branch}` says what was done to it, and `sync {env.branch}` goes "
        "forward to the newest commits.",
    )
