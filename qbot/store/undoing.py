"""Scripts that let the cards of what was rolled back, replaced or released say so."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from qbot.domain.barriers import Hold
from qbot.domain.names import OpId, PromotionId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.progress import Kind, Stage
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState, promotion_id
from qbot.domain.release import LetGo, PuttingBack, Shown, StageProgress
from qbot.domain.release_changes import HoldsPlaced
from qbot.domain.undoing import moment, undone
from qbot.store import desired, promotions
from qbot.store.release_rows import promotion_of
from qbot.store.statements import Script, listed, sql


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


def released(gone: Sequence[Hold], by: Actor, at: datetime) -> Script[None]:
    """What a rollback held moves again: its card says so."""
    for number in sorted({hold.promotion for hold in gone}):
        services = {hold.service for hold in gone if hold.promotion == number}
        yield from _let_go(number, services, at, by=by)


def passed_on(change: HoldsPlaced, at: datetime) -> Script[None]:
    """Another rollback is about to hold these: the cards of earlier ones say it no more."""
    services = [service for service, _ in change.versions]
    rows = yield sql(
        "select promotion, service from holds where stage = ? and promotion <> ? "
        "and cast(? as text) like '%,' || service || ',%' order by promotion, service",
        change.stage,
        change.promotion,
        listed(services),
    )
    for number in sorted({PromotionId(row["promotion"]) for row in rows}):
        mine = {ServiceName(row["service"]) for row in rows if row["promotion"] == number}
        yield from _let_go(number, mine, at)


def _let_go(
    number: PromotionId, services: Collection[ServiceName], at: datetime, *, by: Actor | None = None
) -> Script[None]:
    def said(shown: Shown) -> Shown:
        if not isinstance(shown, StageProgress):
            return shown
        freed = [service for service in shown.held if service in services]
        told = tuple(LetGo(service, by, at) for service in freed) if by else ()
        held = tuple(service for service in shown.held if service not in services)
        return replace(shown, held=held, released=(*shown.released, *told))

    rows = yield sql(
        "select o.id from operations o where o.id = (select op_id from promotions "
        "where number = ?) {HOLD}",
        number,
    )
    for row in rows:
        yield from desired.edit(OpId(row["id"]), at, said)


def kept(progress: Shown) -> Script[Shown]:
    """With what somebody released meanwhile, of which its operation does not know."""
    if not isinstance(progress, StageProgress):
        return progress
    if progress.kind is not Kind.ROLLBACK or not progress.merged_sha:
        return progress
    old = yield from desired.shown(progress.op)
    if not isinstance(old, StageProgress):
        return progress
    gone = {let_go.service for let_go in old.released}
    held = tuple(service for service in progress.held if service not in gone)
    return replace(progress, held=held, released=old.released)


def tell(back: Promotion, at: datetime) -> Script[None]:
    """A rollback is merged: what it is to undo, the last of it, offers no rollback any more."""
    merged = yield from _since(back)
    mine = set(back.plan.services) if back.plan else set()
    found = undone(merged)
    for promotion in merged:
        by = found.get(promotion.id, back)
        touched = promotion.plan is not None and not mine.isdisjoint(promotion.plan.services)
        before = moment(promotion) < moment(back)
        if promotion.kind is PromotionKind.PROMOTION and by.id == back.id and touched and before:
            yield sql("select o.id from operations o where o.id = ? {HOLD}", promotion.op)
            said = _taken(promotion, back, whole=promotion.id in found)
            yield from desired.edit(promotion.op, at, said)


def settled(op: OpId, at: datetime) -> Script[None]:
    """A rollback is done, or has ended otherwise, or goes on: the cards of what it undoes say so.

    The caller has written its row and its card.
    """
    back = yield from promotions.of_operation(op)
    if back is None or back.kind is not PromotionKind.ROLLBACK or not back.merge_sha:
        return
    shown = yield from desired.shown(op)
    rows = shown.services if isinstance(shown, StageProgress) else ()
    ready = sum(row.stage is Stage.READY for row in rows)
    services = back.plan.services if back.plan else ()
    now = PuttingBack(back.id, back.state, ready, len(rows) or len(services))
    for promotion in (yield from _since(back)):
        if promotion.kind is PromotionKind.PROMOTION:
            yield sql("select o.id from operations o where o.id = ? {HOLD}", promotion.op)
            yield from desired.edit(promotion.op, at, lambda shown: _stands(shown, now))


def _since(back: Promotion) -> Script[list[Promotion]]:
    """What was merged from the oldest on that the rollback undoes."""
    oldest = promotion_id(back.plan.source) if back.plan else None
    rows = yield sql(
        "select p.* from promotions p join promotions o on o.number = ? "
        "where p.stage = ? and p.merge_sha <> '' and p.plan is not null "
        "and coalesce(p.merged_at, p.created_at) >= coalesce(o.merged_at, o.created_at) "
        "order by p.number",
        oldest,
        back.stage,
    )
    return [promotion_of(row) for row in rows]


def _stands(shown: Shown, now: PuttingBack) -> Shown:
    if not isinstance(shown, StageProgress):
        return shown
    if now.by not in {shown.undone_by, *(by for _, by in shown.taken_back)}:
        return shown
    others = tuple(back for back in shown.putting_back if back.by != now.by)
    done = now.state is PromotionState.DONE
    return replace(shown, putting_back=others if done else (*others, now))


def _taken(promotion: Promotion, back: Promotion, *, whole: bool) -> Callable[[Shown], Shown]:
    """All of it is undone, or what of it the rollback put back alone."""
    services = promotion.plan.services if promotion.plan else ()
    gone = [s for s in services if back.plan and s in back.plan.services]

    def said(shown: Shown) -> Shown:
        if not isinstance(shown, StageProgress):
            return shown
        if whole:
            shown = replace(shown, undone_by=back.id)
        else:
            left = [(service, by) for service, by in shown.taken_back if service not in gone]
            shown = replace(shown, taken_back=(*left, *((s, back.id) for s in gone)))
        return _stands(shown, PuttingBack(back.id))

    return said
