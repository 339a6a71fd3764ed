"""Open promotions of the same services: told of on both cards before one ends the other."""

from collections.abc import Collection, Sequence

from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.promotion import Promotion, PromotionState, Request
from qbot.domain.rivals import giving_way, going_before
from qbot.domain.stages import Stage
from qbot.operations.releases.case import Case
from qbot.operations.releases.context import ReleaseContext

_OPEN = tuple(state for state in PromotionState if state.open)
_MOST = 100  # open promotions of a stage


async def told(case: Case) -> None:
    """The card says what this ends when it begins, and what ends this."""
    there = await case.run.call("the database", lambda: _there(case.context, case.stage))
    case.tracker.show(
        goes_before=giving_way(case.promotion, case.plan.services, there),
        gives_way_to=going_before(case.promotion, there),
    )


async def foreseen(
    context: ReleaseContext, stage: Stage, request: Request, services: Collection[ServiceName]
) -> tuple[PromotionId, ...]:
    """What would end, if this were asked for and begun."""
    return giving_way(request, services, await _there(context, stage))


async def _there(context: ReleaseContext, stage: Stage) -> Sequence[Promotion]:
    return await context.promotions.promotions(stage.name, limit=_MOST, states=_OPEN)
