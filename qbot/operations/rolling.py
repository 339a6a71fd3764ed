"""An environment that exists moves to other versions: what sync, deploy and rollback share."""

from collections.abc import Awaitable, Callable, Collection

from qbot.domain.barriers import BarredError
from qbot.domain.changes import Audited, PlansChanged
from qbot.domain.environment import Environment, Phase
from qbot.domain.health import Broken, verdict
from qbot.domain.inputs import SyncInput, is_dry, resumes
from qbot.domain.names import BASE, ServiceName
from qbot.domain.progress import End, Kind, Stage
from qbot.domain.services import ServicePlan
from qbot.errors import UserError
from qbot.operations.context import Context
from qbot.operations.deploy import Rollout
from qbot.operations.endings import ended, is_between, stopped_headline
from qbot.operations.foundation import Foundation, NotDeployedError
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.locking import ensure_free
from qbot.operations.nudge import Nudge
from qbot.operations.outcome import judge, named
from qbot.operations.readiness import not_proven, proven
from qbot.operations.resolve import PLANS
from qbot.operations.run import Run
from qbot.operations.seeing import Seeing
from qbot.operations.standing import Standing, versions_told
from qbot.operations.staying import UNBUILT, staying
from qbot.operations.track import Tracker

Plans = tuple[ServicePlan, ...]


async def refusal(
    run: Run, context: Context, env: Environment, services: Collection[ServiceName]
) -> UserError | None:
    """What was true when it was asked may have changed while it waited for its turn."""
    missing = [name for name in services if env.plan_of(name) is None]
    if gone := going(env):
        return gone
    if missing:
        return not_here(env, missing[0])
    return await barred(run, context, env)


async def barred(run: Run, context: Context, env: Environment) -> UserError | None:
    """Whether somebody else had locked it before this began; what has begun goes on."""
    if run.has("begin") or run.has("resolve") or is_dry(run.operation.input):
        return None
    actor = run.operation.actor
    try:
        await run.call("the database", lambda: ensure_free(context.locks, env, actor))
    except BarredError as error:
        return error
    return None


def going(env: Environment) -> UserError | None:
    """Why nothing of it can be changed any more; None: it can."""
    if not env.phase.alive:
        return UserError(
            f"The environment of `{env.branch}` has been deleted.",
            hint=f"`create {env.branch}` makes a new one.",
        )
    if env.phase is Phase.DELETING:
        return UserError(
            f"`{env.branch}` is being deleted.", hint=f"`show {env.branch}` says how far it is."
        )
    if env.phase is Phase.STUCK:
        return UserError(
            f"`{env.branch}` is not fully deleted.",
            hint=f"`delete {env.branch}` tries again; `show {env.branch}` says what is left.",
        )
    return None


def not_here(env: Environment, service: ServiceName) -> UserError:
    """The catalog has this service, the environment has not."""
    some = ", ".join(f"`{p.service}`" for p in env.plans[:12])
    return UserError(f"`{env.branch}` has no service `{service}`.", hint=f"It has {some}.")


async def resolved(
    run: Run, context: Context, env: Environment, find: Callable[[Context], Awaitable[Plans]]
) -> Plans:
    """What the services shall run: found once, and from then on what the environment wants.

    Raises:
        Cancelled: somebody asked to cancel, and nothing is recorded.
        UserError: there is no such version.
    """
    seeing, through = Seeing.of(context, env.branch)

    async def look() -> object:
        await run.checkpoint()  # here, so that it counts only while nothing is recorded
        return PLANS.dump_python(await find(through), mode="json")

    result = await run.step(
        "resolve",
        look,
        changes=lambda found: [
            PlansChanged(env.id, PLANS.validate_python(found)),
            seeing.change,
            Audited("environment.resolved", "done", _told(PLANS.validate_python(found))),
        ],
    )
    return PLANS.validate_python(result)


def _told(plans: Plans) -> tuple[tuple[str, str], ...]:
    """What was asked for by name, for the audit log."""
    return tuple((p.service, f"{p.ref} at {p.version}") for p in plans if p.by)


async def roll(
    run: Run, context: Context, tracker: Tracker, asked: SyncInput, before: Standing, plans: Plans
) -> Outcome:
    """Deploy these plans over what stands, and say how the whole environment is then.

    Args:
        run: of the operation.
        context: ports and rules.
        tracker: shows these plans already.
        asked: how Argo CD is to be asked.
        before: from `standing`.
        plans: of some or all services of the environment.
    """
    rollout = Rollout(run, context, context.instance(tracker.env), tracker)
    rollout.after_make = Nudge(rollout, asked, before.targets)
    rollout.fresh = not before.targets.keys() - {BASE}
    foundation = Foundation(run, context, rollout.argocd, tracker)
    try:
        await foundation.project()
        await foundation.namespace()
        await rollout.deploy(plans)
        others, whole = await _left_alone(rollout, plans)
        result = judge(tracker.progress.services)
        result = result if others else await proven(run, context, tracker, result)
    except Cancelled:
        return _stopped(run, context, tracker, rollout)
    except NotDeployedError as why:
        return ended(context, tracker, End.FAILED, Phase.FAILED, str(why))
    said = [result.headline, *_unbuilt(run, tracker, before)]
    count = len(tracker.env.plans)
    if not others and resumes(run.operation.input) and result.end is End.SUCCEEDED:
        said += [f"All {count} services are ready."] if len(plans) < count else []
    if others:
        said.append(f"Not part of this {run.operation.kind}, but broken: {named(others)}.")
    phase = Phase.FAILED if others else result.phase
    return ended(context, tracker, result.end, phase, " ".join(said).strip(), whole=whole)


def _unbuilt(run: Run, tracker: Tracker, before: Standing) -> list[str]:
    """What a failed build means for what runs, and how to go on."""
    rows = tracker.of(Stage.BUILD_FAILED)
    if not rows:
        return []
    said = []
    if all(r.stays for r in rows):
        which = "They stay at the versions before and are"
        if len(rows) == 1:
            which = f"It stays at {rows[0].stays} and is"
        said.append(f"{which} ready there.")
    known = (before.plans.get(r.service) for r in rows)
    same = all(p and p.version == r.version for p, r in zip(known, rows, strict=True))
    if run.operation.kind is Kind.SYNC and same:
        said.append("No newer commit has come since the last try.")
    return [*said, "Push a fix or run the pipeline again, then retry."]


def _stopped(run: Run, context: Context, tracker: Tracker, rollout: Rollout) -> Outcome:
    """Somebody cancelled it: what Argo CD was not told of stays as it was.

    What a run before a crash has told it is not known.
    """
    rows, phase = tracker.progress.services, tracker.env.phase
    told = [r for r in rows if run.resumed or rollout.belief.asked_for(r.service)]
    headline = not_proven(tracker, stopped_headline(rows, told))
    if any(is_between(r, phase) for r in told):
        phase = Phase.PARTIAL
    return ended(context, tracker, End.CANCELLED, phase, headline)


async def _left_alone(rollout: Rollout, moved: Plans) -> tuple[list[ServiceName], bool]:
    """Look at the services that stay where they are: the broken and missing ones of no part in it.

    Also answers whether each of them runs what is wanted. Those that lack a build are shown as
    they run.
    """
    names = {p.service for p in moved}
    others = [p for p in rollout.env.plans if p.service not in names]
    unbuilt = rollout.tracker.of(*UNBUILT)
    if not others and not unbuilt:
        return [], True
    states = await rollout.run.call(
        "the other services", lambda: rollout.argocd.survey(rollout.env)
    )
    rows = [staying(r, states.get(r.service)) for r in unbuilt]
    rollout.tracker.put(rows, at=rollout.context.clock.now())
    runs = versions_told(others, {name: state.wanted for name, state in states.items()})
    return [
        p.service
        for p in others
        if (state := states.get(p.service)) is None
        or isinstance(verdict(state, wanted=p.sha, since=None), Broken)
    ], all(runs.get(p.service) == p.version for p in others)
