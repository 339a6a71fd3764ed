"""A promotion has its stage's services to itself, and a rollback goes before what only waits."""

from collections.abc import Collection
from datetime import datetime

from qbot.domain.names import ServiceName
from qbot.domain.people import Actor
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState
from qbot.errors import UserError
from qbot.store.places import gives_way, hand_over, holder, insert, rollbacks
from qbot.store.release_rows import promotion_of
from qbot.store.statements import Script, sql
from qbot.store.superseding import supersede

_WAITING = (PromotionState.RESOLVING, PromotionState.OPEN)
BUSY = {
    PromotionState.RESOLVING: "is being worked out",
    PromotionState.OPEN: "waits for approval",
    PromotionState.APPROVED: "is approved and goes first",
    PromotionState.MERGED: "is being deployed",
}


def reserve(
    mine: Promotion, services: Collection[ServiceName], by: Actor, at: datetime
) -> Script[None]:
    """These are its own, and no others; the key of the table decides between two at once.

    A rollback ends what only waits for people; what has been approved it takes over from when it
    begins itself.

    Raises:
        UserError: another open promotion has one of them.
    """
    rows = yield sql("delete from promotion_services where promotion = ? returning *", mine.id)
    for service in sorted(services):  # always in one order: two must not wait for each other
        yield from _take(mine, service, by, at)
    left = {ServiceName(row["service"]) for row in rows} - set(services)
    yield from hand_over(mine.id, mine.stage, left)


def reserve_rest(mine: Promotion, by: Actor, at: datetime) -> Script[None]:
    """It is merged and goes on: what a rollback has of it by now stays that one's.

    Raises:
        UserError: nothing is left, or another promotion has some of it.
    """
    rows = yield sql(
        "select s.service as taken, p.* from promotion_services s "
        "join promotions p on p.number = s.promotion where s.stage = ? and p.kind = ?",
        mine.stage,
        PromotionKind.ROLLBACK.value,
    )
    gone = {row["taken"] for row in rows if not gives_way(promotion_of(row), mine)}
    services = mine.plan.services if mine.plan else ()
    yield from reserve(mine, set(services) - gone or services, by, at)


def _take(mine: Promotion, service: ServiceName, by: Actor, at: datetime) -> Script[None]:
    if (yield from insert(mine.stage, service, mine.id)):
        return
    other = yield from holder(mine.stage, service)
    yields = gives_way(other, mine)
    if yields and other.state in _WAITING:
        yield from supersede(other, mine, by, at)
        yield from _take(mine, service, by, at)
    elif not yields:
        raise _taken(other, service)
    else:
        yield from _join_queue(mine, service, by, at)


def _join_queue(mine: Promotion, service: ServiceName, by: Actor, at: datetime) -> Script[None]:
    """Behind what is carried out there is room for one; who comes holds the row of that one."""
    for other in (yield from rollbacks(mine.stage, {service})):
        if other.id != mine.id and not gives_way(other, mine):
            raise _taken(other, service)
        if other.id != mine.id and other.state in _WAITING:
            yield sql("select o.id from operations o where o.id = ? {HOLD}", other.op)
            yield from supersede(other, mine, by, at)


def _taken(other: Promotion, service: ServiceName) -> UserError:
    return UserError(
        f"{other.name} changes `{service}` on `{other.stage}` already: it {BUSY[other.state]}.",
        hint=f"`show {other.name}` says whose it is and leads to its card. Wait for it to end, "
        f"have it withdrawn, or leave `{service}` out.",
    )
