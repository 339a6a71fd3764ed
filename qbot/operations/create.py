"""`create`: a branch becomes an environment."""

from qbot.domain.argocd_ports import Applications
from qbot.domain.changes import Audited, PlansChanged
from qbot.domain.environment import Environment, Phase
from qbot.domain.inputs import CreateInput
from qbot.domain.names import EnvId, env_name
from qbot.domain.progress import End, Step
from qbot.domain.services import ServicePlan
from qbot.errors import ForeignError, PermanentError, TransientError, UserError
from qbot.operations.bringing_back import brought_back, superseding
from qbot.operations.context import Context
from qbot.operations.deploy import Rollout
from qbot.operations.endings import cancelled_headline, ended, never_made, refused
from qbot.operations.foundation import Foundation, NotDeployedError
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.outcome import judge
from qbot.operations.readiness import not_proven, proven
from qbot.operations.registered import registered
from qbot.operations.resolve import PLANS, left_out, resolve, wish
from qbot.operations.run import Run
from qbot.operations.seeing import Seeing
from qbot.operations.telling import previewed, told
from qbot.operations.track import Tracker, opened

_LOOK = 30.0  # seconds for finding out what a refused create has left
_GLANCE = 5.0  # seconds for what is only good to know
_NO_ENVIRONMENT = EnvId("e000000000000")  # a preview's: never stored, never used


async def create(run: Run, context: Context) -> Outcome:
    """Resolve versions, make project and namespace, then every service, and wait for them."""
    asked = run.operation.input
    if not isinstance(asked, CreateInput):
        raise TypeError(asked)
    if asked.dry_run:
        return await _preview(run, context, asked)
    tracker = await opened(run, context)
    tracker.step(Step.RESOLVING)
    try:
        plans = await _resolve(run, context, tracker.env, asked)
        if not tracker.env.plans:  # else an earlier run has made something already
            await run.checkpoint()
    except UserError as error:
        tracker.nothing_made()
        return await refused(run, context, tracker, Phase.DELETED, error)
    except Cancelled:
        return never_made(context, tracker, End.CANCELLED)
    await _name_others(run, context, tracker, asked)
    tracker.plan(plans)
    return await _make(run, context, tracker, plans)


async def _make(
    run: Run, context: Context, tracker: Tracker, plans: tuple[ServicePlan, ...]
) -> Outcome:
    argocd = context.instance(tracker.env)
    foundation = Foundation(run, context, argocd, tracker)
    try:
        try:
            await foundation.project()
        except ForeignError as error:
            return never_made(context, tracker, End.FAILED, str(error))
        except PermanentError as error:
            if await _is_absent(run, argocd, tracker.env):
                return never_made(context, tracker, End.FAILED, str(error))
            return ended(context, tracker, End.FAILED, Phase.FAILED, str(error))
        await foundation.namespace()
        await Rollout(run, context, argocd, tracker).deploy(plans)
        result = await proven(run, context, tracker, judge(tracker.progress.services))
    except Cancelled:
        headline = not_proven(tracker, cancelled_headline(tracker.progress.services))
        return ended(context, tracker, End.CANCELLED, Phase.PARTIAL, headline)
    except NotDeployedError as why:
        return ended(context, tracker, End.FAILED, Phase.FAILED, str(why))
    return ended(context, tracker, result.end, result.phase, result.headline)


async def _is_absent(run: Run, argocd: Applications, env: Environment) -> bool:
    """Whether Argo CD itself says that nothing of it is there.

    The answer to a request may be lost although the request was heard.
    """

    async def look() -> bool:
        return not await argocd.project_exists(env) and not await argocd.survey(env)

    try:
        return await run.call("what was made", look, within=_LOOK)
    except (PermanentError, TransientError):
        return False  # whoever cannot look must not say so


async def _resolve(
    run: Run, context: Context, env: Environment, asked: CreateInput
) -> tuple[ServicePlan, ...]:
    seeing, through = Seeing.of(context, env.branch)

    async def look() -> object:
        await run.checkpoint()
        found = brought_back if asked.brings_back else _plans
        return PLANS.dump_python(await found(run, through, asked), mode="json")

    result = await run.step(
        "resolve",
        look,
        changes=lambda found: [
            PlansChanged(env.id, PLANS.validate_python(found)),
            seeing.change,
            Audited("environment.resolved", "done"),
            *superseding(run, context, asked),
        ],
    )
    return PLANS.validate_python(result)


async def _plans(run: Run, context: Context, asked: CreateInput) -> tuple[ServicePlan, ...]:
    source = await context.store.environment(asked.source) if asked.source else None
    if source is not None and not source.plans:
        raise UserError(
            f"What `{source.branch}` runs is not known yet.",
            hint="It is still being created. Nothing was made; try again in a minute.",
        )
    catalog, named = context.catalog, dict(asked.overrides)
    plans = await resolve(context.gitlab, wish(asked, catalog, source, run.operation.actor))
    return await registered(context.images, catalog, plans, named)


async def _name_others(run: Run, context: Context, tracker: Tracker, asked: CreateInput) -> None:
    """Whoever names services may have forgotten one; not worth to keep an environment waiting.

    A service that only `--set` names is made as well: nobody says what to run of one that is not
    wanted. So that it is no surprise, it is named too.
    """
    if not asked.services or tracker.progress.left_out:
        return
    tracker.adds(tuple(n for n, _ in asked.overrides if n not in asked.services))
    catalog = context.catalog
    wanted = wish(asked, catalog, None)
    try:
        names = await run.call(
            "other branches", lambda: left_out(context.gitlab, wanted, catalog), within=_GLANCE
        )
    except (PermanentError, TransientError):
        return
    tracker.leaves_out(names)


async def _preview(run: Run, context: Context, asked: CreateInput) -> Outcome:
    """What a create would make, told to the person only."""
    name, now = env_name(asked.branch, prefix=context.rules.prefix), context.clock.now()
    ttl = context.rules.lifetime(asked.ttl)
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
    try:
        plans = await run.call("resolve", lambda: _plans(run, context, asked))
    except UserError as error:
        await told(run, context.answers, error)
        return Outcome(End.REFUSED, str(error))
    await _name_others(run, context, tracker, asked)
    tracker.plan(plans)
    await previewed(run, context.answers, tracker.dry(at=now))
    return Outcome(End.SUCCEEDED, "")
