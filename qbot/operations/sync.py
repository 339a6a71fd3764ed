"""`sync`: an environment moves to its branch's newest commits; also Retry failed and Resume."""

from collections.abc import Mapping, Sequence

from qbot.domain.changes import Audited, PlansChanged
from qbot.domain.environment import Environment, Phase
from qbot.domain.health import Broken, verdict
from qbot.domain.inputs import SyncInput
from qbot.domain.names import BASE, ServiceName
from qbot.domain.ports import ArgoCD
from qbot.domain.progress import End, Stage, Step
from qbot.domain.services import ServicePlan
from qbot.errors import UserError
from qbot.operations.beginning import begun
from qbot.operations.context import Context
from qbot.operations.deploy import Rollout
from qbot.operations.endings import cancelled_headline, ended, refused
from qbot.operations.foundation import Foundation, NotDeployedError
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.nudge import Nudge
from qbot.operations.outcome import judge, named
from qbot.operations.resolve import PLANS
from qbot.operations.run import Run
from qbot.operations.sync_preview import newest, preview
from qbot.operations.track import Tracker, opened

Plans = tuple[ServicePlan, ...]


async def sync(run: Run, context: Context) -> Outcome:
    """Resolve again, bring Applications up to date, ask Argo CD to sync, wait."""
    asked = run.operation.input
    if not isinstance(asked, SyncInput):
        raise TypeError(asked)
    tracker = await opened(run, context)
    env = tracker.env
    chosen = [p for p in env.plans if not asked.services or p.service in asked.services]
    if asked.dry_run:
        return await preview(run, context, tracker, asked, chosen)
    if refusal := _refusal(env, asked, chosen):
        return await refused(run, context, tracker, env.phase, refusal)
    await begun(run, context, tracker)
    tracker.step(Step.RESOLVING)
    argocd = context.instance(env)
    try:
        before = await _before(run, argocd, env)
        plans = await _resolve(run, context, env, asked, chosen)
    except Cancelled:
        return ended(context, tracker, End.CANCELLED, env.phase, "Nothing was changed.")
    tracker.plan(plans)
    rollout = Rollout(run, context, argocd, tracker)
    rollout.after_make = Nudge(rollout, asked, before)
    rollout.fresh = not before.keys() - {BASE}
    return await _roll(run, context, rollout, plans)


def _refusal(env: Environment, asked: SyncInput, chosen: Sequence[ServicePlan]) -> UserError | None:
    """What was true when it was asked may have changed while it waited for its turn."""
    if not env.phase.alive:
        return UserError(
            f"The environment of `{env.branch}` has been deleted.",
            hint=f"`create {env.branch}` makes a new one.",
        )
    if env.phase in (Phase.DELETING, Phase.STUCK):
        return UserError(
            f"`{env.branch}` is being deleted.", hint=f"`show {env.branch}` says how far it is."
        )
    if missing := set(asked.services) - {p.service for p in chosen}:
        return not_here(env, min(missing))
    if not chosen:
        return UserError(
            f"Nothing was ever deployed to `{env.branch}`.",
            hint=f"`delete {env.branch}`, then `create {env.branch}` once more.",
        )
    return None


def not_here(env: Environment, service: ServiceName) -> UserError:
    """The catalog has this service, the environment has not."""
    some = ", ".join(f"`{p.service}`" for p in env.plans[:12])
    return UserError(f"`{env.branch}` has no service `{service}`.", hint=f"It has {some}.")


async def _before(run: Run, argocd: ArgoCD, env: Environment) -> Mapping[ServiceName, str]:
    """What each Application pointed at before anything was changed, crashes included."""

    async def look() -> dict[str, str]:
        states = await argocd.survey(env)
        return {name: state.wanted for name, state in states.items() if not state.deleting}

    found = await run.step("before", look)
    return {ServiceName(name): wanted for name, wanted in found.items()}


async def _resolve(
    run: Run, context: Context, env: Environment, asked: SyncInput, chosen: Sequence[ServicePlan]
) -> Plans:
    async def look() -> object:
        await run.checkpoint()  # here, so that it counts only while nothing is recorded
        return PLANS.dump_python(await newest(context, env, asked, chosen), mode="json")

    result = await run.step(
        "resolve",
        look,
        changes=lambda found: [
            PlansChanged(env.id, PLANS.validate_python(found)),
            Audited("environment.resolved", "done"),
        ],
    )
    return PLANS.validate_python(result)


async def _roll(run: Run, context: Context, rollout: Rollout, plans: Plans) -> Outcome:
    tracker = rollout.tracker
    foundation = Foundation(run, context, rollout.argocd, tracker)
    try:
        await foundation.project()
        await foundation.namespace()
        await rollout.deploy(plans)
        others = await _broken_others(rollout, plans)
    except Cancelled:
        headline = cancelled_headline(tracker.progress.services)
        return ended(context, tracker, End.CANCELLED, _kept(tracker), headline)
    except NotDeployedError as why:
        return ended(context, tracker, End.FAILED, Phase.FAILED, str(why))
    result = judge(tracker.progress.services)
    if not others:
        return ended(context, tracker, result.end, result.phase, result.headline)
    more = f"Not part of this sync, but broken: {named(others)}."
    headline = f"{result.headline} {more}".strip()
    return ended(context, tracker, result.end, Phase.FAILED, headline)


def _kept(tracker: Tracker) -> Phase:
    """A sync that was stopped half-way leaves services between two versions."""
    if len(tracker.of(Stage.READY)) == len(tracker.progress.services):
        return tracker.env.phase
    return Phase.PARTIAL


async def _broken_others(rollout: Rollout, synced: Plans) -> list[ServiceName]:
    """The services that this sync left alone and that are broken or missing."""
    names = {p.service for p in synced}
    others = [p for p in rollout.env.plans if p.service not in names]
    if not others:
        return []
    states = await rollout.run.call(
        "the other services", lambda: rollout.argocd.survey(rollout.env)
    )
    return [
        p.service
        for p in others
        if (state := states.get(p.service)) is None
        or isinstance(verdict(state, wanted=p.sha, since=None), Broken)
    ]
