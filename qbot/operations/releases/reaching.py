"""How far back a rollback may go, and to which promotion: judged when it is asked for."""

from collections.abc import Collection, Sequence

from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.promotion import Promotion, promotion_name
from qbot.domain.stages import Stage
from qbot.domain.undoing import moment
from qbot.errors import UserError
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.rolling_back import MERGED

_LOOK_BACK = 50  # promotions of a stage among which an earlier one is looked for


async def ensure_reachable(context: ReleaseContext, stage: Stage, number: PromotionId) -> None:
    """A promotion after which something ran.

    Raises:
        UserError: there is none of the stage, or it was never merged.
    """
    found = await context.promotions.promotion(number)
    if found is None or found.stage != stage.name:
        raise UserError(
            f"There is no {promotion_name(number)} of `{stage.name}`.",
            hint=f"`history {stage.name}` lists them.",
        )
    if not found.merge_sha:
        raise UserError(
            f"{found.name} was never merged, so nothing ran after it.",
            hint=f"`history {stage.name}` lists those that were.",
        )


async def merged_like(context: ReleaseContext, promotion: Promotion) -> Sequence[Promotion]:
    """The newest ones that changed its stage, or may have."""
    return await context.promotions.promotions(promotion.stage, limit=_LOOK_BACK, states=MERGED)


def before(
    promotion: Promotion, services: Collection[ServiceName], rows: Sequence[Promotion]
) -> PromotionId | None:
    """The last one before it of any of its services; None: it is the newest itself.

    Raises:
        UserError: nothing is known of the time before it.
    """
    touching = sorted(
        (p for p in rows if p.merge_sha and p.plan and set(p.plan.services) & set(services)),
        key=moment,
    )
    if not touching or touching[-1].id == promotion.id:
        return None
    earlier = [p.id for p in touching if moment(p) < moment(promotion)]
    if not earlier:
        raise UserError(
            f"Others came after {promotion.name}, and nothing is known of the time before it.",
            hint=f"`history {promotion.stage}` lists what can be gone back to.",
        )
    return earlier[-1]
