"""Nothing is left to promote: what of it is written, and does not run yet."""

from collections.abc import Collection, Mapping

from qbot.domain.names import ServiceName
from qbot.domain.promotion import promotion_name
from qbot.domain.stages import Stage
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.offers import of_stage

_NAMED = 6  # services in one sentence


async def nothing_left(
    context: ReleaseContext, stage: Stage, place: str, services: Collection[ServiceName]
) -> UserError:
    """What to tell who asked for it. Both sides have the same versions written."""
    said = f"There is nothing to promote: `{stage.name}` has the versions of `{place}` already"
    late = await _late(context, stage, services)
    if not late:
        return UserError(f"{said}.", hint=f"`diff {place} {stage.name}` shows both sides.")
    told = "; ".join(f"`{service}`: {drift}" for service, drift in list(late.items())[:_NAMED])
    more = f"; and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
    return UserError(
        f"{said}, as far as they are written. Not all of it runs: {told}{more}.",
        hint=await _way_on(context, stage, late),
    )


async def _late(
    context: ReleaseContext, stage: Stage, services: Collection[ServiceName]
) -> Mapping[ServiceName, str]:
    """How what runs differs from what is written; empty where Argo CD does not say."""
    try:
        offers = await of_stage(context, stage, stage, services)
    except (TransientError, PermanentError):
        return {}
    return {service: offer.drift for service, offer in offers.items() if offer.drift}


async def _way_on(context: ReleaseContext, stage: Stage, late: Collection[ServiceName]) -> str:
    places = await context.promotions.places(stage.name)
    if under_way := sorted({places[service] for service in late if service in places}):
        names = ", ".join(promotion_name(number) for number in under_way)
        return f"Under way with {names}: `show {promotion_name(under_way[0])}` says how far."
    return (
        f"Retry of the promotion that wrote it deploys it (`history {stage.name}` leads to its "
        "card); so does a sync in Argo CD."
    )
