"""`sync`: an environment moves to its branch's newest commits; also Retry failed and Resume."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from qbot.domain.changes import Audited, PlansChanged
from qbot.domain.environment import Environment, Phase
from qbot.domain.health import Broken, verdict
from qbot.domain.names import ServiceName
from qbot.domain.operation import SyncInput
from qbot.domain.progress import End, Step
from qbot.domain.services import ServicePlan
from qbot.errors import UserError
from qbot.operations.context import HISTORY, Context, usual
from qbot.operations.deploy import Rollout
from qbot.operations.endings import cancelled_headline, ended
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.outcome import judge
from qbot.operations.resolve import PLANS, resolve_again
from qbot.operations.run import Run
from qbot.operations.track import Tracker


async def sync(run: Run, context: Context) -> Outcome:
    """Resolve again, bring Applications up to date, ask Argo CD to sync, wait."""
    asked = run.operation.input
    if not isinstance(asked, SyncInput):
        raise TypeError(asked)
    env = await context.environment(run.operation.env)
    durations = await context.store.durations(env.id, run.operation.kind, limit=HISTORY)
    tracker = Tracker(run, env, context, usual(durations))
    chosen = [p for p in env.plans if not asked.services or p.service in asked.services]
    if asked.dry_run:
        return await _preview(run, context, tracker, asked, env, chosen)
    tracker.step(Step.RESOLVING)
    rollout = Rollout(run, context, env, context.instance(env), tracker)
    try:
        plans = await _resolve(run, context, env, asked, chosen)
        tracker.plan(plans)
        rollout.after_make = _Nudge(run, rollout, asked, {p.service: p.sha for p in chosen})
        await rollout.foundation()
        await rollout.deploy(plans)
    except Cancelled:
        kept = Phase.PARTIAL if env.phase is Phase.CREATING else env.phase
        headline = cancelled_headline(tracker, kept=True)
        return ended(context, tracker, End.CANCELLED, kept, headline)
    except UserError as error:
        return ended(context, tracker, End.FAILED, Phase.FAILED, str(error))
    result = judge(tracker.progress.services)
    phase = result.phase if not await _others_broken(rollout, plans) else Phase.FAILED
    return ended(context, tracker, result.end, phase, result.headline)


async def _resolve(
    run: Run, context: Context, env: Environment, asked: SyncInput, chosen: Sequence[ServicePlan]
) -> tuple[ServicePlan, ...]:
    async def look() -> object:
        found = await _newest(context, env, asked, chosen)
        return PLANS.dump_python(found, mode="json")

    result = await run.step(
        "resolve",
        look,
        changes=lambda found: [
            PlansChanged(env.id, PLANS.validate_python(found)),
            Audited("environment.resolved", "done"),
        ],
    )
    return PLANS.validate_python(result)


async def _newest(
    context: Context, env: Environment, asked: SyncInput, chosen: Sequence[ServicePlan]
) -> tuple[ServicePlan, ...]:
    """What these services should run now; Resume keeps the commits that were resolved before."""
    return await resolve_again(
        context.gitlab,
        context.catalog,
        env.branch,
        chosen,
        refresh=asked.refresh,
        keep=asked.resume,
    )


class _Nudge:
    """After an Application was brought up to date: asks for the sync that nothing else starts.

    Where the commit moved, auto-sync starts by itself, and asking too would be refused as
    "another operation is already in progress".
    """

    def __init__(
        self, run: Run, rollout: Rollout, asked: SyncInput, before: Mapping[ServiceName, str]
    ) -> None:
        self._run = run
        self._rollout = rollout
        self._asked = asked
        self._before = before

    async def __call__(self, plan: ServicePlan) -> None:
        env, argocd, asked = self._rollout.env, self._rollout.argocd, self._asked
        moved = self._before.get(plan.service) != plan.sha
        follows = self._rollout.context.rules.follow_branch
        if asked.resume or (moved and not (asked.prune or asked.hard or follows)):
            return
        if asked.hard:
            await self._run.call("refresh", lambda: argocd.refresh(env, plan.service))
        op = self._run.operation.id

        async def ask() -> str:
            at = self._rollout.context.clock.now()
            await argocd.sync(env, plan.service, op=op, prune=asked.prune, dry_run=False)
            return at.isoformat()

        async def find() -> str | None:
            state = await argocd.read(env, plan.service)
            started = state.started_at if state and state.info == op else None
            return started.isoformat() if started else None

        detail = (("application", str(env.app(plan.service))), ("revision", plan.sha))
        at = await self._run.step(
            f"sync:{plan.service}", ask, find=find, changes=[Audited("sync.asked", "done", detail)]
        )
        self._rollout.synced_at[plan.service] = datetime.fromisoformat(at)


async def _others_broken(rollout: Rollout, synced: Collection[ServicePlan]) -> bool:
    """Whether a service that this sync left alone is broken or missing."""
    names = {p.service for p in synced}
    others = [p for p in rollout.env.plans if p.service not in names]
    if not others:
        return False
    states = await rollout.run.call(
        "the other services", lambda: rollout.argocd.survey(rollout.env)
    )
    return any(
        (state := states.get(p.service)) is None
        or isinstance(verdict(state, wanted=p.sha, since=None), Broken)
        for p in others
    )


async def _preview(
    run: Run,
    context: Context,
    tracker: Tracker,
    asked: SyncInput,
    env: Environment,
    chosen: Sequence[ServicePlan],
) -> Outcome:
    plans = await run.call("resolve", lambda: _newest(context, env, asked, chosen))
    before = {p.service: p for p in chosen}
    tracker.plan(plans)
    for plan in plans:
        old = before.get(plan.service)
        same = old is not None and old.sha == plan.sha
        moves = "" if same else f"{old.short_sha if old else 'new'} → {plan.short_sha}"
        tracker.note(plan.service, moves)
    progress = tracker.dry(at=context.clock.now())
    await context.answers.preview(run.operation, replace(progress, headline=_effect(asked)))
    return Outcome(End.SUCCEEDED, "")


def _effect(asked: SyncInput) -> str:
    words = ["Would sync"]
    if asked.hard:
        words.append("after comparing without the cache")
    if asked.prune:
        words.append("and remove what the charts no longer contain")
    return " ".join(words)
