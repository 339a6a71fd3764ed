"""A promotion has its stage's services to itself; a rollback queues behind what it will end."""

from collections.abc import Collection

from qbot.domain.names import ServiceName
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState
from qbot.domain.rivals import gives_way
from qbot.errors import UserError
from qbot.store.places import hand_over, holder, insert, rollbacks
from qbot.store.release_rows import promotion_of
from qbot.store.statements import Script, sql

BUSY = {
    PromotionState.RESOLVING: "is being worked out",
    PromotionState.OPEN: "waits for approval",
    PromotionState.APPROVED: "is approved and goes first",
    PromotionState.MERGED: "is being deployed",
}


def reserve(mine: Promotion, services: Collection[ServiceName]) -> Script[None]:
    """These are its own, and no others; the key of the table decides between two at once.

    A rollback queues behind what gives way to it, and takes over from that when it begins itself:
    until then it may be refused, rejected or withdrawn.

    Raises:
        UserError: another open promotion has one of them.
    """
    rows = yield sql("delete from promotion_services where promotion = ? returning *", mine.id)
    for service in sorted(services):  # always in one order: two must not wait for each other
        yield from _take(mine, service)
    left = {ServiceName(row["service"]) for row in rows} - set(services)
    yield from hand_over(mine.id, mine.stage, left)


def reserve_rest(mine: Promotion) -> Script[None]:
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
    yield from reserve(mine, set(services) - gone or services)


def _take(mine: Promotion, service: ServiceName) -> Script[None]:
    if (yield from insert(mine.stage, service, mine.id)):
        return
    other = yield from holder(mine.stage, service)
    if not gives_way(other, mine):
        raise _taken(other, service)
    # There is room for one; who comes holds the row of what is before it, so that none slips in.
    for waits in (yield from rollbacks(mine.stage, {service})):
        if waits.id != mine.id and not gives_way(waits, mine):
            raise _taken(waits, service)


def _taken(other: Promotion, service: ServiceName) -> UserError:
    return UserError(
        f"{other.name} changes `{service}` on `{other.stage}` already: it {BUSY[other.state]}.",
        hint=f"`show {other.name}` says whose it is and leads to its card. Wait for it to end, "
        f"have it withdrawn, or leave `{service}` out.",
    )
