"""`create`: a branch becomes an environment."""

from qbot.domain.changes import Audited, PlansChanged
from qbot.domain.environment import Environment, Phase
from qbot.domain.names import EnvId, env_name
from qbot.domain.operation import CreateInput
from qbot.domain.progress import End, Step
from qbot.domain.services import ServicePlan
from qbot.errors import UserError
from qbot.operations.context import HISTORY, Context, usual
from qbot.operations.deploy import Rollout
from qbot.operations.endings import cancelled_headline, ended
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.outcome import judge
from qbot.operations.resolve import PLANS, resolve, wish
from qbot.operations.run import Run
from qbot.operations.track import Tracker

_NO_ENVIRONMENT = EnvId("e000000000000")  # a preview's: never stored, never used


async def create(run: Run, context: Context) -> Outcome:
    """Resolve versions, make project and namespace, then every service, and wait for them."""
    asked = run.operation.input
    if not isinstance(asked, CreateInput):
        raise TypeError(asked)
    if asked.dry_run:
        return await _preview(run, context, asked)
    env = await context.environment(run.operation.env)
    durations = await context.store.durations(env.id, run.operation.kind, limit=HISTORY)
    tracker = Tracker(run, env, context, usual(durations))
    await _name_source(context, tracker, asked)
    tracker.step(Step.RESOLVING)
    try:
        plans = await _resolve(run, context, env, asked)
    except UserError as error:
        # Nothing was made: the reservation ends, and the person is told why.
        await context.answers.tell(run.operation, error)
        return ended(context, tracker, End.REFUSED, Phase.DELETED, f"{error} {error.hint}".strip())
    except Cancelled:
        headline = cancelled_headline(tracker, kept=False)
        return ended(context, tracker, End.CANCELLED, Phase.DELETED, headline)
    tracker.plan(plans)
    rollout = Rollout(run, context, env, context.instance(env), tracker)
    try:
        await rollout.foundation()
        await rollout.deploy(plans)
    except Cancelled:
        headline = cancelled_headline(tracker, kept=True)
        return ended(context, tracker, End.CANCELLED, Phase.PARTIAL, headline)
    except UserError as error:
        return ended(context, tracker, End.FAILED, Phase.FAILED, str(error))
    result = judge(tracker.progress.services)
    return ended(context, tracker, result.end, result.phase, result.headline)


async def _resolve(
    run: Run, context: Context, env: Environment, asked: CreateInput
) -> tuple[ServicePlan, ...]:
    async def look() -> object:
        return PLANS.dump_python(await _plans(context, asked), mode="json")

    result = await run.step(
        "resolve",
        look,
        changes=lambda found: [
            PlansChanged(env.id, PLANS.validate_python(found)),
            Audited("environment.resolved", "done"),
        ],
    )
    return PLANS.validate_python(result)


async def _plans(context: Context, asked: CreateInput) -> tuple[ServicePlan, ...]:
    source = await context.store.environment(asked.source) if asked.source else None
    return await resolve(context.gitlab, wish(asked, context.catalog, source))


async def _name_source(context: Context, tracker: Tracker, asked: CreateInput) -> None:
    if source := await context.store.environment(asked.source) if asked.source else None:
        tracker.takes_from(source.branch)


async def _preview(run: Run, context: Context, asked: CreateInput) -> Outcome:
    """What a create would make, told to the person only."""
    name, now = env_name(asked.branch, prefix=context.rules.prefix), context.clock.now()
    ttl = asked.ttl or context.rules.ttl
    env = Environment(
        id=_NO_ENVIRONMENT,
        name=name,
        branch=asked.branch,
        owner=run.operation.actor,
        phase=Phase.CREATING,
        created_at=now,
        url=context.rules.url_of(name),
        expires_at=now + ttl if ttl else None,
    )
    tracker = Tracker(run, env, context, None)
    await _name_source(context, tracker, asked)
    try:
        plans = await run.call("resolve", lambda: _plans(context, asked))
    except UserError as error:
        await context.answers.tell(run.operation, error)
        return Outcome(End.REFUSED, str(error))
    tracker.plan(plans)
    await context.answers.preview(run.operation, tracker.dry(at=now))
    return Outcome(End.SUCCEEDED, "")
