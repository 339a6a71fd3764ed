"""Open promotions of the same services: told of on both cards before one ends the other."""

from collections.abc import Collection

from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.promotion import Request
from qbot.domain.release_changes import PlaceTaken
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


async def place_taken(case: Case) -> None:
    """A rollback waits for no deployment of its services to end, which may be what it is for.

    What it has ended by that ends no more "once this is approved".
    """
    name = f"place-taken:{case.round}"

    async def note() -> bool:
        return True

    if case.back and not case.run.has(name):
        await case.run.step(name, note, changes=[PlaceTaken(case.promotion.id)])
        await told(case)


async def foreseen(
    context: ReleaseContext, request: Request, services: Collection[ServiceName]
) -> tuple[PromotionId, ...]:
    """What would end, if this were asked for and begun."""
    there = await context.promotions.rivals(request.stage, request.kind, services)
    return giving_way(request, services, there)
