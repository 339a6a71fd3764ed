"""What a sync would do, told to the person only."""

from collections.abc import Sequence
from dataclasses import replace

from qbot.domain.environment import Environment
from qbot.domain.inputs import SyncInput
from qbot.domain.names import ServiceName
from qbot.domain.progress import End
from qbot.domain.services import ServicePlan, Source
from qbot.operations.context import Context
from qbot.operations.handler import Outcome
from qbot.operations.outcome import named
from qbot.operations.resolve import resolve_again
from qbot.operations.run import Run
from qbot.operations.standing import glance
from qbot.operations.telling import previewed
from qbot.operations.track import Tracker


async def newest(
    context: Context, env: Environment, asked: SyncInput, chosen: Sequence[ServicePlan]
) -> tuple[ServicePlan, ...]:
    """What these services should run now; Resume keeps the commits that were resolved before.

    Retry keeps what a rollback put back: it goes on with that, not away from it. Of a rollback
    that failed, that is all it had found.
    """
    kept = {p.service: p for p in chosen if asked.retry and (asked.goal or _is_put_back(p))}
    found = await resolve_again(
        context.gitlab,
        context.catalog,
        env.branch,
        [p for p in chosen if p.service not in kept],
        refresh=asked.refresh,
        keep=asked.resume,
    )
    moved = {p.service: p for p in found}
    return tuple(kept.get(p.service) or moved[p.service] for p in chosen)


async def preview(
    run: Run,
    context: Context,
    tracker: Tracker,
    asked: SyncInput,
    chosen: Sequence[ServicePlan],
) -> Outcome:
    """Resolve, change nothing, and say which services would move."""
    plans = await run.call("resolve", lambda: newest(context, tracker.env, asked, chosen))
    was, doubt = await glance(run, context, tracker.env)
    tracker.plan(plans, was)
    progress = tracker.dry(at=context.clock.now())
    headline = " ".join([*_undone(chosen, plans), *_effect(asked), doubt]).strip()
    await previewed(run, context.answers, replace(progress, headline=headline))
    return Outcome(End.SUCCEEDED, "")


def _is_put_back(plan: ServicePlan) -> bool:
    return plan.source is Source.PINNED


def _undone(before: Sequence[ServicePlan], after: Sequence[ServicePlan]) -> list[str]:
    """Whose rollback of what a sync would take back."""
    moving = {p.service for p, q in zip(before, after, strict=True) if not p.runs_as(q)}
    undone: dict[str, list[ServiceName]] = {}
    for plan in before:
        if _is_put_back(plan) and plan.service in moving:
            undone.setdefault(f" by {plan.by.user}" if plan.by else "", []).append(plan.service)
    return [f"It would undo the rollback of {named(s)}{by}." for by, s in undone.items()]


def _effect(asked: SyncInput) -> list[str]:
    said = []
    if asked.hard:
        said.append("Argo CD would compare without its cache.")
    if asked.prune:
        said.append("What the charts no longer contain would be removed.")
    return said
