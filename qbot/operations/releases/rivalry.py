"""Open promotions of the same services: told of on both cards before one ends the other."""

from collections.abc import Collection

from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.promotion import Request
from qbot.domain.rivals import giving_way, going_before
from qbot.operations.releases.case import Case
from qbot.operations.releases.context import ReleaseContext


async def told(case: Case) -> None:
    """The card says what this ends when it begins, and what ends this."""
    mine, services, rows = case.promotion, case.plan.services, case.context.promotions
    there = await case.run.call(
        "the database", lambda: rows.rivals(mine.stage, mine.kind, services)
    )
    case.tracker.show(
        goes_before=giving_way(mine, services, there),
        gives_way_to=going_before(mine, there),
    )


async def foreseen(
    context: ReleaseContext, request: Request, services: Collection[ServiceName]
) -> tuple[PromotionId, ...]:
    """What would end, if this were asked for and begun."""
    there = await context.promotions.rivals(request.stage, request.kind, services)
    return giving_way(request, services, there)
