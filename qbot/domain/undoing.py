"""Which promotions were rolled back, and by which rollback. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from qbot.domain.names import PromotionId
from qbot.domain.promotion import Promotion, PromotionKind, promotion_id


def moment(promotion: Promotion) -> tuple[datetime, int]:
    """The order in which promotions changed the stage: how and when they ended says nothing."""
    return promotion.merged_at or promotion.created_at, promotion.id


def undone(merged: Sequence[Promotion]) -> Mapping[PromotionId, Promotion]:
    """For each promotion of whose services none is left: the rollback that took the last back.

    Args:
        merged: what changed one stage, in any order.
    """
    ordered = sorted((p for p in merged if p.merge_sha and p.plan), key=moment)
    place = {promotion.id: at for at, promotion in enumerate(ordered)}
    found: dict[PromotionId, Promotion] = {}
    for at, promotion in enumerate(ordered):
        if promotion.kind is PromotionKind.PROMOTION:
            later = [p for p in ordered[at + 1 :] if _reaches(p, at, place)]
            if last := _last(promotion, later):
                found[promotion.id] = last
    return found


def _reaches(back: Promotion, at: int, place: Mapping[PromotionId, int]) -> bool:
    """Whether it is a rollback to before the one at this place."""
    if back.kind is not PromotionKind.ROLLBACK or back.plan is None:
        return False
    oldest = promotion_id(back.plan.source)  # of those that it undid
    return oldest is not None and place.get(oldest, 0) <= at


def _last(promotion: Promotion, backs: Sequence[Promotion]) -> Promotion | None:
    left = set(promotion.plan.services) if promotion.plan else set()
    for back in backs:
        left -= set(back.plan.services) if back.plan else set()
        if not left:
            return back
    return None
