"""Which promotions were rolled back, by which rollback, and what is left to go back to. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from qbot.domain.names import PromotionId, ServiceName
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


def remaining(promotion: Promotion, merged: Sequence[Promotion]) -> tuple[ServiceName, ...]:
    """Its services that no rollback has taken back since, in their order.

    Args:
        promotion: is merged.
        merged: what changed its stage, in any order.
    """
    ordered = sorted((p for p in merged if p.merge_sha and p.plan), key=moment)
    place = {one.id: at for at, one in enumerate(ordered)}
    at, gone = place.get(promotion.id, len(ordered)), set[ServiceName]()
    for back in ordered[at + 1 :]:
        if _reaches(back, at, place) and back.plan:
            gone |= set(back.plan.services)
    return tuple(s for s in (promotion.plan.services if promotion.plan else ()) if s not in gone)


def standing(
    promotion: Promotion, merged: Sequence[Promotion]
) -> tuple[tuple[ServiceName, ...], Promotion | None]:
    """Its services that none has changed since it was merged, and the last one that changed others.

    Args:
        promotion: is merged.
        merged: what changed its stage, in any order.
    """
    gone = changed_since(promotion, merged)
    services = promotion.plan.services if promotion.plan else ()
    left = tuple(service for service in services if service not in gone)
    return left, max(gone.values(), key=moment, default=None)


def changed_since(
    promotion: Promotion, merged: Sequence[Promotion]
) -> Mapping[ServiceName, Promotion]:
    """Which one has changed each of its services last; what stands is not in.

    Args:
        promotion: is merged.
        merged: what changed its stage, in any order.
    """
    services = promotion.plan.services if promotion.plan else ()
    # Its own row is never later than itself, and knows when it was merged: who asks may not yet.
    mine = next((p for p in merged if p.id == promotion.id), promotion)
    others = (p for p in merged if p.merge_sha and p.id != mine.id and moment(p) > moment(mine))
    found: dict[ServiceName, Promotion] = {}
    for later in sorted(others, key=moment):
        theirs = later.plan.services if later.plan else ()
        found |= {service: later for service in services if service in theirs}
    return found


def earlier(merged: Sequence[Promotion], service: ServiceName) -> tuple[str, ...]:
    """Versions that a stage had before what it has now, oldest first.

    What a rollback took back is not among them: to bring that again is to go forward.

    Args:
        merged: what changed the stage, in any order.
        service: of it.
    """
    ordered = sorted((p for p in merged if p.merge_sha and p.plan), key=moment)
    place = {promotion.id: at for at, promotion in enumerate(ordered)}
    stack: list[tuple[int, str]] = []  # versions, each with the place of what brought it
    for at, promotion in enumerate(ordered):
        edits = promotion.plan.edits if promotion.plan else ()
        edit = next((e for e in edits if e.service == service), None)
        if edit is None:
            continue
        if not stack or stack[-1][1] != edit.old:
            stack.append((at - 1, edit.old))
        since = at
        if promotion.kind is PromotionKind.ROLLBACK and promotion.plan:
            undone_from = promotion_id(promotion.plan.source)
            since = place.get(undone_from, 0) if undone_from is not None else at
            stack = [(brought, text) for brought, text in stack if brought < since]
        if not stack or stack[-1][1] != edit.new:
            stack.append((since, edit.new))
    return tuple(text for _, text in stack[:-1])


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
