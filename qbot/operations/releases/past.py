"""What was done to an environment or a stage, and promoted out of it: a read for `history`."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from qbot.domain.barriers import Barrier
from qbot.domain.environment import Environment
from qbot.domain.history import Deed, Entry, StagePast, still_run
from qbot.domain.inputs import (
    CreateInput,
    DeployInput,
    JobInput,
    RestoreInput,
    SyncInput,
    TeardownInput,
    brings_back,
    follows_push,
    hook_of,
    is_dry,
)
from qbot.domain.names import OpId, PromotionId
from qbot.domain.operation import Operation
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind, Progress
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState, Verdict
from qbot.domain.release import StageProgress
from qbot.domain.stages import ENVIRONMENTS, Stage
from qbot.operations.releases.context import ReleaseContext

_PROMOTIONS = 100  # of all stages, among which those out of one environment are looked for
_LOOK_BACK = 100  # of a stage: what came before that and still runs is not known
_TOLD = tuple(state for state in PromotionState if state is not PromotionState.REFUSED)
_NOBODY = Actor("", "")
_ENDS = {
    PromotionState.DONE: End.SUCCEEDED,
    PromotionState.FAILED: End.FAILED,
    PromotionState.REFUSED: End.REFUSED,
}

Dated = tuple[OpId | None, Entry | Deed]  # None: it is no operation


async def past(
    context: ReleaseContext, env: Environment, *, start: int, most: int
) -> tuple[Sequence[Dated], bool]:
    """Entries from the `start`th on, newest first, each with its operation; whether more follow.

    Those of earlier environments of the same branch are among them: people know it by its branch.
    Dry runs have changed nothing and are left out.
    """
    store, wanted = context.base.store, start + most + 1
    limit = wanted * 2  # dry runs are few
    rows = await store.past(env.id, limit=limit)
    promotions = await context.promotions.promotions(None, limit=_PROMOTIONS)
    found: list[Dated] = [(o.id, _operation(o)) for o in rows if not is_dry(o.input)]
    found += [(p.op, _promotion(p)) for p in promotions if _is_of(p, env)]
    found += [(None, deed) for deed in await store.deeds(env.id, limit=wanted)]
    found.sort(key=lambda dated: dated[1].at, reverse=True)
    return found[start : start + most], len(found) > start + most


async def past_of_stage(
    context: ReleaseContext, stage: Stage, *, start: int, most: int
) -> StagePast:
    """Promotions, rollbacks and jobs from the `start`th on."""
    wanted = max(start + most + 1, _LOOK_BACK)
    promotions = await context.promotions.promotions(stage.name, limit=wanted, states=_TOLD)
    jobs = await context.base.store.stage_jobs(stage.name, limit=wanted)
    dated: list[tuple[datetime, Promotion | Entry]] = [(p.created_at, p) for p in promotions]
    dated += [(o.created_at, _operation(o)) for o in jobs]
    dated.sort(key=lambda found: found[0], reverse=True)
    rows = [row for _, row in dated][start : start + most]
    shown = [row for row in rows if isinstance(row, Promotion)]
    return StagePast(
        rows,
        current=next((p.id for p in promotions if p.merge_sha), None),
        more=len(dated) > start + most,
        runs=still_run(promotions),
        approvers=await _approvers(context, shown),
        cards=await _cards(context, shown),
        barriers=() if start else await in_the_way(context, stage),
        source=next(("BRANCH" if s == ENVIRONMENTS else s for s in stage.sources), ""),
    )


async def in_the_way(context: ReleaseContext, stage: Stage) -> tuple[Barrier, ...]:
    """Freezes, locks and holds of a stage, whoever asks."""
    return await context.barriers(stage, stage.services, _NOBODY, back=False)


async def _approvers(
    context: ReleaseContext, promotions: Sequence[Promotion]
) -> Mapping[PromotionId, tuple[Actor, ...]]:
    """Whose approval counts, or counted."""
    found = {}
    for promotion in promotions:
        said = await context.promotions.approvals(promotion.id)
        yes = (a.actor for a in said if a.verdict is Verdict.APPROVED and not a.void)
        found[promotion.id] = tuple(dict.fromkeys(yes))
    return found


async def _cards(
    context: ReleaseContext, promotions: Sequence[Promotion]
) -> Mapping[PromotionId, StageProgress]:
    """What is shown of those that are over."""
    found = {}
    for promotion in promotions:
        if not promotion.state.open:
            operation = await context.base.store.operation(promotion.op)
            if operation is not None and isinstance(operation.progress, StageProgress):
                found[promotion.id] = operation.progress
    return found


def _is_of(promotion: Promotion, env: Environment) -> bool:
    plan = promotion.plan
    forward = promotion.kind is PromotionKind.PROMOTION
    return plan is not None and forward and plan.source == env.branch


def _operation(operation: Operation) -> Entry:
    shown = operation.progress
    return Entry(
        kind=operation.purpose,
        actor=operation.actor,
        at=operation.created_at,
        what=_what(operation),
        end=operation.end,
        begun_at=shown.begun_at if isinstance(shown, Progress) else None,
        ended_at=operation.ended_at,
        headline=operation.headline if operation.end is not End.SUCCEEDED else "",
        pushed=follows_push(operation.input),
        hook=hook_of(operation.input),
        brings_back=brings_back(operation.input) is not None,
    )


def _what(operation: Operation) -> str:
    match operation.input:
        case DeployInput(overrides):
            return ", ".join(f"{service} = {ref}" for service, ref in overrides)
        case JobInput(job):
            return job
        case CreateInput(brings_back=old) if old:
            return "with the versions from before it was deleted"
        case SyncInput(pushed=True) if operation.progress:
            return ", ".join(s.service for s in operation.progress.services)
        case CreateInput(services=services) | SyncInput(services=services):
            return ", ".join(services)
        case TeardownInput(leftovers=True):
            return "of what an earlier environment has left"
        case RestoreInput(services):
            return ", ".join(services)
        case _:
            return ""


def _promotion(promotion: Promotion) -> Entry:
    end = None if promotion.state.open else _ENDS.get(promotion.state, End.CANCELLED)
    return Entry(
        kind=Kind.PROMOTE,
        actor=promotion.requester,
        at=promotion.created_at,
        what=f"{promotion.name} to {promotion.stage}",
        end=end,
        ended_at=promotion.ended_at,
        headline=promotion.word if end is End.CANCELLED else "",
    )
