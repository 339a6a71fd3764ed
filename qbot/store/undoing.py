"""Scripts that let the cards of what was rolled back, or replaced, say so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from qbot.domain.promotion import Promotion, PromotionKind, PromotionState, promotion_id
from qbot.domain.release import Shown, StageProgress
from qbot.domain.undoing import undone
from qbot.store import desired
from qbot.store.release_rows import promotion_of
from qbot.store.statements import Script, sql


def replaced(by: Promotion, at: datetime) -> Script[None]:
    """It is merged: what failed before it and has no services besides cannot be tried again."""
    rows = yield sql(
        "select * from promotions where stage = ? and number <> ? and state = ? "
        "and merge_sha <> '' and plan is not null",
        by.stage,
        by.id,
        PromotionState.FAILED.value,
    )

    def said(shown: Shown) -> Shown:
        return replace(shown, overtaken_by=by.id) if isinstance(shown, StageProgress) else shown

    mine = set(by.plan.services) if by.plan else set()
    for failed in map(promotion_of, rows):
        if failed.plan and mine.issuperset(failed.plan.services):
            yield sql("select o.id from operations o where o.id = ? {HOLD}", failed.op)
            yield from desired.edit(failed.op, at, said)


def tell(back: Promotion, at: datetime) -> Script[None]:
    """A rollback is merged: what it undid, the last of it, offers no rollback any more."""
    oldest = promotion_id(back.plan.source) if back.plan else None
    rows = yield sql(
        "select p.* from promotions p join promotions o on o.number = ? "
        "where p.stage = ? and p.merge_sha <> '' and p.plan is not null "
        "and coalesce(p.merged_at, p.created_at) >= coalesce(o.merged_at, o.created_at)",
        oldest,
        back.stage,
    )
    merged = [promotion_of(row) for row in rows]

    mine = set(back.plan.services) if back.plan else set()
    found = undone(merged)
    for promotion in merged:
        by = found.get(promotion.id, back)
        touched = promotion.plan is not None and not mine.isdisjoint(promotion.plan.services)
        if promotion.kind is PromotionKind.PROMOTION and by.id == back.id and touched:
            yield sql("select o.id from operations o where o.id = ? {HOLD}", promotion.op)
            said = _taken(promotion, back, whole=promotion.id in found)
            yield from desired.edit(promotion.op, at, said)


def _taken(promotion: Promotion, back: Promotion, *, whole: bool) -> Callable[[Shown], Shown]:
    """All of it is undone, or what of it the rollback put back alone."""
    services = promotion.plan.services if promotion.plan else ()
    gone = [s for s in services if back.plan and s in back.plan.services]

    def said(shown: Shown) -> Shown:
        if not isinstance(shown, StageProgress):
            return shown
        if whole:
            return replace(shown, undone_by=back.id)
        kept = [(service, by) for service, by in shown.taken_back if service not in gone]
        return replace(shown, taken_back=(*kept, *((s, back.id) for s in gone)))

    return said
