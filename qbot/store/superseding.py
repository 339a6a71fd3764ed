"""A rollback goes before what is in its way: it ends that, or a part of it."""

from dataclasses import dataclass
from datetime import datetime

from qbot.domain.names import EnvId, OpId, PromotionId, ServiceName
from qbot.domain.people import Actor
from qbot.domain.promotion import DECISION, Promotion, PromotionKind, PromotionState
from qbot.domain.rivals import gives_way, giving_way
from qbot.domain.stages import scope_of
from qbot.store import stopping
from qbot.store.audit import note
from qbot.store.places import OPEN, free, holder, insert, rivals
from qbot.store.release_rows import promotion_of
from qbot.store.rows import time_text
from qbot.store.signalling import signal
from qbot.store.statements import Script, sql

_ASKED = (PromotionState.OPEN, PromotionState.APPROVED)  # of people: they look when woken


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


def take_over(mine: Promotion, by: Actor, at: datetime) -> Script[None]:
    """It is about to begin: whatever is carried out of its services stops at its next step."""
    for service in sorted(mine.plan.services if mine.plan else ()):
        yield from _seize(mine, service, by, at)


def _seize(mine: Promotion, service: ServiceName, by: Actor, at: datetime) -> Script[None]:
    if (yield from insert(mine.stage, service, mine.id)):
        return
    other = yield from holder(mine.stage, service)
    if other.id == mine.id or not gives_way(other, mine):
        return
    if other.state is PromotionState.MERGED and _has_more(other, mine):
        yield from _stop(other, mine, by, at)
    else:
        yield from supersede(other, mine, by, at)
    yield from _seize(mine, service, by, at)  # what ended may have left it to yet another one


def tell_others(mine: Promotion, word: str, at: datetime) -> Script[None]:
    """What a rollback ends when it begins looks again: its card says so, or no longer."""
    if mine.kind is not PromotionKind.ROLLBACK:
        return
    services = mine.plan.services if mine.plan else ()
    there = yield from rivals(mine.stage, mine.kind, services)
    aware = giving_way(mine, services, there)
    for other in there:
        if other.id in aware and other.state in _ASKED:
            key = f"{mine.name}:{word}:{time_text(at)}"
            yield from signal(other.op, DECISION, key, {}, at)


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


def supersede(other: Promotion, mine: Promotion, by: Actor, at: datetime) -> Script[None]:
    """It is over at once; its operation closes the merge request and ends its card."""
    why = f"{mine.name}, a rollback of the same services, took its place."
    if (yield from _end(other, PromotionState.CANCELLED, mine, why, by, at)):
        yield sql("update approvals set void = ? where promotion = ? and void = ''", why, other.id)


def _stop(other: Promotion, mine: Promotion, by: Actor, at: datetime) -> Script[None]:
    """The stage is the rollback's now; what that leaves alone is merged, and for Retry."""
    yield from _end(other, PromotionState.FAILED, mine, _left_over(mine), by, at)


def _end(
    other: Promotion, state: PromotionState, mine: Promotion, why: str, by: Actor, at: datetime
) -> Script[bool]:
    ended = yield sql(
        "update promotions set state = ?, superseded_by = ?, outcome = ?, ended_at = ? "
        "where number = ? and cast(? as text) like '%,' || state || ',%' returning number",
        state.value,
        mine.id,
        why,
        time_text(at),
        other.id,
        OPEN,
    )
    if not ended:
        return False
    detail = (("promotion", other.name), ("stage", other.stage), ("by", mine.name))
    scope = EnvId(scope_of(other.stage))
    action = f"{other.kind}.superseded"
    yield from note(by, action, "done", at, op=other.op, env=scope, detail=detail)
    yield from stopping.ask(other.op, by, at)
    yield from free(other.id)
    return True


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
