"""A promotion has its stage's services to itself; a rollback queues behind what it will end."""

from collections.abc import Collection

from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.promotion import Promotion, PromotionKind
from qbot.domain.rivals import Rival, gives_way, taken_by
from qbot.store.places import hand_over, holder, insert, rollbacks
from qbot.store.release_rows import promotion_of
from qbot.store.statements import Query, Script, sql


def reserve(
    mine: Promotion, services: Collection[ServiceName], *, retried: bool = False
) -> Script[None]:
    """These are its own, and no others; the key of the table decides between two at once.

    A rollback queues behind what gives way to it, and takes over from that when it begins itself:
    until then it may be refused, rejected or withdrawn.

    Raises:
        UserError: another open promotion has some of them; names them all.
    """
    rows = yield sql("delete from promotion_services where promotion = ? returning *", mine.id)
    for service in sorted(services):  # always in one order: two must not wait for each other
        if other := (yield from _take(mine, service)):
            rivals = yield from _rivals(mine, services, {other.id: Rival(other, {service})})
            raise taken_by(rivals, services, retried=retried)
    left = {ServiceName(row["service"]) for row in rows} - set(services)
    yield from hand_over(mine.id, mine.stage, left)


def reserve_rest(mine: Promotion) -> Script[None]:
    """It is merged and goes on: what a rollback has of it by now stays that one's.

    Raises:
        UserError: nothing is left, or another promotion has some of it.
    """
    rows = yield _held(mine)
    backs = [row for row in rows if row["kind"] == PromotionKind.ROLLBACK.value]
    gone = {row["taken"] for row in backs if not gives_way(promotion_of(row), mine)}
    services = mine.plan.services if mine.plan else ()
    yield from reserve(mine, set(services) - gone or services, retried=True)


def _take(mine: Promotion, service: ServiceName) -> Script[Promotion | None]:
    """Another one that has it and does not give way, with the row of its operation held."""
    if (yield from insert(mine.stage, service, mine.id)):
        return None
    other = yield from holder(mine.stage, service)
    if not gives_way(other, mine):
        return other
    # There is room for one; who comes holds the row of what is before it, so that none slips in.
    waiting = yield from rollbacks(mine.stage, {service})
    return next((p for p in waiting if p.id != mine.id and not gives_way(p, mine)), None)


def _rivals(
    mine: Promotion, services: Collection[ServiceName], found: dict[PromotionId, Rival]
) -> Script[list[Rival]]:
    """With all the others: without the one that was met first the next would be in the way."""
    rows = yield _held(mine)
    waiting = yield from rollbacks(mine.stage, services)
    having = [(ServiceName(row["taken"]), promotion_of(row)) for row in rows]
    having += [(service, p) for p in waiting if p.plan for service in p.plan.services]
    for service, other in having:
        keeps = other.state.open and other.id != mine.id and not gives_way(other, mine)
        if keeps and service in services:
            found.setdefault(other.id, Rival(other, set())).services.add(service)
    return [found[number] for number in sorted(found)]


def _held(mine: Promotion) -> Query:
    return sql(
        "select s.service as taken, p.* from promotion_services s "
        "join promotions p on p.number = s.promotion where s.stage = ?",
        mine.stage,
    )
