"""Nothing is left to promote: what of it is written, and does not run yet."""

from collections.abc import Collection, Mapping, Sequence

from qbot.domain.listing import some
from qbot.domain.names import ServiceName
from qbot.domain.promotion import Promotion, PromotionState, promotion_name
from qbot.domain.stages import Stage
from qbot.domain.undoing import moment
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.offers import of_stage
from qbot.operations.releases.rolling_back import MERGED

_NAMED = 6  # services in one sentence
_LOOK_BACK = 50  # promotions of a stage among which the one is looked for that wrote it


async def nothing_left(
    context: ReleaseContext, stage: Stage, place: str, services: Collection[ServiceName]
) -> UserError:
    """What to tell who asked for it. Both sides have the same versions written."""
    named = [f"`{service}`" for service in services if len(services) < len(stage.services)]
    of = f" of {some(named, _NAMED)}" if named else ""
    said = f"There is nothing to promote: `{stage.name}` has the versions{of} of `{place}` already"
    late = await _late(context, stage, services)
    if not late:
        return UserError(f"{said}.", hint=f"`diff {place} {stage.name}` shows both sides.")
    drifts = [f"`{service}`: {drift}" for service, drift in late.items()]
    told = some(drifts, _NAMED, between="; ")
    return UserError(
        f"{said}, as far as they are written. Not all of it runs: {told}.",
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
    wrote = await _writers(context, stage, late)
    if failed := [p for p in wrote if p.state is PromotionState.FAILED]:
        names = ", ".join(p.name for p in failed)
        return (
            f"Retry of {names} deploys it (`show {failed[0].name}` leads to its card); so does a "
            "sync in Argo CD."
        )
    said = "".join(f"{p.name}, which wrote it, {_became(p)} and offers no Retry. " for p in wrote)
    return f"{said}A sync in Argo CD deploys it."


def _became(merged: Promotion) -> str:
    return "was merged past Qbot" if merged.state is PromotionState.CLOSED else f"is {merged.word}"


async def _writers(
    context: ReleaseContext, stage: Stage, late: Collection[ServiceName]
) -> Sequence[Promotion]:
    """What wrote these services last, oldest first."""
    rows = await context.promotions.promotions(stage.name, limit=_LOOK_BACK, states=MERGED)
    found: dict[ServiceName, Promotion] = {}
    for one in sorted((p for p in rows if p.merge_sha and p.plan), key=moment):
        written = one.plan.services if one.plan else ()
        found |= {service: one for service in late if service in written}
    return sorted(set(found.values()), key=moment)
