"""What a sync would do, told to the person only."""

from collections.abc import Sequence
from dataclasses import replace

from qbot.domain.environment import Environment
from qbot.domain.inputs import SyncInput
from qbot.domain.progress import End
from qbot.domain.services import ServicePlan, Source
from qbot.operations.context import Context
from qbot.operations.handler import Outcome
from qbot.operations.resolve import resolve_again
from qbot.operations.run import Run
from qbot.operations.telling import previewed
from qbot.operations.track import Tracker


async def newest(
    context: Context, env: Environment, asked: SyncInput, chosen: Sequence[ServicePlan]
) -> tuple[ServicePlan, ...]:
    """What these services should run now; Resume keeps the commits that were resolved before.

    Retry keeps what a rollback put back: it goes on with that, not away from it.
    """
    kept = {p.service: p for p in chosen if asked.retry and p.source is Source.PINNED}
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
    tracker.plan(plans, {p.service: p.version for p in chosen})
    progress = tracker.dry(at=context.clock.now())
    await previewed(run, context.answers, replace(progress, headline=_effect(asked)))
    return Outcome(End.SUCCEEDED, "")


def _effect(asked: SyncInput) -> str:
    said = []
    if asked.hard:
        said.append("Argo CD would compare without its cache.")
    if asked.prune:
        said.append("What the charts no longer contain would be removed.")
    return " ".join(said)
