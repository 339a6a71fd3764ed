"""Which promotion has a stage's services: one at a time, and a rollback before what only waits."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from qbot.domain.names import EnvId, OpId, PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import Plan, Promotion, PromotionKind, PromotionState
from qbot.domain.stages import scope_of
from qbot.errors import TransientError, UserError
from qbot.store import stopping
from qbot.store.audit import note
from qbot.store.release_rows import promotion_of
from qbot.store.rows import time_text
from qbot.store.statements import Script, listed, sql

OPEN = listed(state for state in PromotionState if state.open)
_WAITING = (PromotionState.RESOLVING, PromotionState.OPEN)
BUSY = {
    PromotionState.RESOLVING: "is being worked out",
    PromotionState.OPEN: "waits for approval",
    PromotionState.APPROVED: "is approved and goes first",
    PromotionState.MERGED: "is being deployed",
}


def reserve(mine: Promotion, plan: Plan, by: Actor, at: datetime) -> Script[None]:
    """The stage's services are its own; the key of the table decides between two at once.

    A rollback ends what only waits for people; what has been approved it takes over from when it
    begins itself.

    Raises:
        UserError: another open promotion has one of them.
    """
    rows = yield sql("delete from promotion_services where promotion = ? returning *", mine.id)
    for service in sorted(plan.services):  # always in one order: two must not wait for each other
        yield from _take(mine, plan.stage, service, by, at)
    left = {ServiceName(row["service"]) for row in rows} - set(plan.services)
    yield from _hand_over(plan.stage, left)


def take_over(mine: Promotion, by: Actor, at: datetime) -> Script[None]:
    """It is about to begin: whatever is carried out of its services stops at its next step."""
    for service in sorted(mine.plan.services if mine.plan else ()):
        if (yield from _insert(mine.stage, service, mine.id)):
            continue
        other = yield from _holder(mine.stage, service)
        if other.id != mine.id and _gives_way(other, mine):
            if other.state is PromotionState.MERGED and _has_more(other, mine):
                yield from _stop(other, mine, by, at)
            else:
                yield from _supersede(other, mine, by, at)
            yield from _insert(mine.stage, service, mine.id)


def free(number: PromotionId) -> Script[None]:
    """It needs its services no more; rollbacks that queued behind it have them now."""
    rows = yield sql("delete from promotion_services where promotion = ? returning *", number)
    if rows:
        services = {ServiceName(row["service"]) for row in rows}
        yield from _hand_over(StageName(rows[0]["stage"]), services)


@dataclass(frozen=True, slots=True)
class Superseded:
    """Which rollback ended a promotion, and that in a sentence."""

    by: PromotionId
    why: str


def superseded(op: OpId) -> Script[Superseded | None]:
    """Whether the promotion of this operation was ended by a rollback, for good."""
    rows = yield sql(
        "select superseded_by, outcome from promotions "
        "where op_id = ? and superseded_by is not null and state = ?",
        op,
        PromotionState.CANCELLED.value,
    )
    if not rows:
        return None
    return Superseded(PromotionId(rows[0]["superseded_by"]), str(rows[0]["outcome"]))


def _take(
    mine: Promotion, stage: StageName, service: ServiceName, by: Actor, at: datetime
) -> Script[None]:
    if (yield from _insert(stage, service, mine.id)):
        return
    other = yield from _holder(stage, service)
    gives_way = _gives_way(other, mine)
    if gives_way and other.state in _WAITING:
        yield from _supersede(other, mine, by, at)
        yield from _take(mine, stage, service, by, at)
    elif not gives_way:
        raise _taken(other, service)
    else:
        yield from _join_queue(mine, service, by, at)


def _join_queue(mine: Promotion, service: ServiceName, by: Actor, at: datetime) -> Script[None]:
    """Behind what is carried out there is room for one; who comes holds the row of that one."""
    for other in (yield from _rollbacks(mine.stage, {service})):
        if other.id != mine.id and not _gives_way(other, mine):
            raise _taken(other, service)
        if other.id != mine.id and other.state in _WAITING:
            yield sql("select o.id from operations o where o.id = ? {HOLD}", other.op)
            yield from _supersede(other, mine, by, at)


def _taken(other: Promotion, service: ServiceName) -> UserError:
    return UserError(
        f"{other.name} changes `{service}` on `{other.stage}` already: it {BUSY[other.state]}.",
        hint=f"`show {other.name}` says whose it is and leads to its card. Wait for it to end, "
        f"have it withdrawn, or leave `{service}` out.",
    )


def _gives_way(other: Promotion, mine: Promotion) -> bool:
    """To a rollback, and a rollback to one that is an emergency."""
    if mine.kind is not PromotionKind.ROLLBACK:
        return False
    return other.kind is PromotionKind.PROMOTION or (mine.emergency and not other.emergency)


def _insert(stage: StageName, service: ServiceName, number: PromotionId) -> Script[bool]:
    rows = yield sql(
        "insert into promotion_services(stage, service, promotion) values(?, ?, ?) "
        "on conflict(stage, service) do nothing returning promotion",
        stage,
        service,
        number,
    )
    return bool(rows)


def _holder(stage: StageName, service: ServiceName) -> Script[Promotion]:
    """Who has it, with the row of its operation held: it neither moves on nor ends meanwhile."""
    yield sql(
        "select o.id from operations o where o.id = (select p.op_id from promotion_services s "
        "join promotions p on p.number = s.promotion where s.stage = ? and s.service = ?) {HOLD}",
        stage,
        service,
    )
    rows = yield sql(
        "select p.* from promotion_services s join promotions p on p.number = s.promotion "
        "where s.stage = ? and s.service = ?",
        stage,
        service,
    )
    if not rows:
        raise TransientError(f"another promotion of {service} ended at this moment")
    return promotion_of(rows[0])


def _has_more(other: Promotion, mine: Promotion) -> bool:
    """Whether it changes services that the rollback leaves alone."""
    theirs = other.plan.services if other.plan else ()
    return not set(theirs) <= set(mine.plan.services if mine.plan else ())


def _left_over(mine: Promotion) -> str:
    """What is so of a merged promotion of which the rollback takes a part."""
    return (
        f"{mine.name}, a rollback, took the place of a part of it. "
        "Retry goes on with the other services."
    )


def _stop(other: Promotion, mine: Promotion, by: Actor, at: datetime) -> Script[None]:
    """The stage is the rollback's now; what that leaves alone is merged, and for Retry."""
    yield from _end(other, PromotionState.FAILED, mine, _left_over(mine), by, at)


def keep_rest(number: PromotionId) -> Script[None]:
    """A merge that was on its way came through: what the rollback leaves alone is for Retry."""
    rows = yield sql(
        "select p.* from promotions p join promotions o on p.number in (o.number, o.superseded_by) "
        "where o.number = ?",
        number,
    )
    mine, back = sorted(map(promotion_of, rows), key=lambda p: p.id != number)
    if _has_more(mine, back):
        yield sql(
            "update promotions set state = ?, outcome = ? where number = ?",
            PromotionState.FAILED.value,
            _left_over(back),
            number,
        )


def _supersede(other: Promotion, mine: Promotion, by: Actor, at: datetime) -> Script[None]:
    """It is over at once; its operation closes the merge request and ends its card."""
    why = f"{mine.name}, a rollback of the same services, took its place."
    yield sql("update approvals set void = ? where promotion = ? and void = ''", why, other.id)
    yield from _end(other, PromotionState.CANCELLED, mine, why, by, at)


def _end(
    other: Promotion, state: PromotionState, mine: Promotion, why: str, by: Actor, at: datetime
) -> Script[None]:
    yield sql(
        "update promotions set state = ?, superseded_by = ?, outcome = ?, ended_at = ? "
        "where number = ?",
        state.value,
        mine.id,
        why,
        time_text(at),
        other.id,
    )
    detail = (("promotion", other.name), ("stage", other.stage), ("by", mine.name))
    scope = EnvId(scope_of(other.stage))
    action = f"{other.kind}.superseded"
    yield from note(by, action, "done", at, op=other.op, env=scope, detail=detail)
    yield from stopping.ask(other.op, by, at)
    yield from free(other.id)


def _hand_over(stage: StageName, services: Collection[ServiceName]) -> Script[None]:
    for waiting in (yield from _rollbacks(stage, services)):
        wanted = waiting.plan.services if waiting.plan else ()
        for service in sorted(set(wanted) & set(services)):
            yield from _insert(stage, service, waiting.id)


def _rollbacks(stage: StageName, services: Collection[ServiceName]) -> Script[list[Promotion]]:
    """The open ones of any of these services, whoever has them; oldest first."""
    if not services:
        return []
    rows = yield sql(
        "select * from promotions where stage = ? and kind = ? and plan is not null "
        "and cast(? as text) like '%,' || state || ',%' order by number",
        stage,
        PromotionKind.ROLLBACK.value,
        OPEN,
    )
    found = map(promotion_of, rows)
    return [p for p in found if p.plan and not set(services).isdisjoint(p.plan.services)]
