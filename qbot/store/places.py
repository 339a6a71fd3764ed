"""Which promotion has a stage's services: rows of a table whose key decides between two."""

from collections.abc import Collection

from qbot.domain.names import PromotionId, ServiceName, StageName
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState
from qbot.errors import TransientError
from qbot.store.release_rows import promotion_of
from qbot.store.statements import Query, Script, listed, sql

OPEN = listed(state for state in PromotionState if state.open)


def of_stage(stage: StageName) -> Script[dict[ServiceName, PromotionId]]:
    """Who has what."""
    rows = yield sql("select service, promotion from promotion_services where stage = ?", stage)
    return {ServiceName(row["service"]): PromotionId(row["promotion"]) for row in rows}


def insert(stage: StageName, service: ServiceName, number: PromotionId) -> Script[bool]:
    """Take a place that is free, or that what is over still has; False: somebody has it."""
    place = sql(
        "insert into promotion_services(stage, service, promotion) values(?, ?, ?) "
        "on conflict(stage, service) do nothing returning promotion",
        stage,
        service,
        number,
    )
    taken = yield place
    # A statement of its own: the one that met the conflict may see its holder as it was before.
    if not taken and (yield _left_behind(stage, service)):
        taken = yield place
    return bool(taken)


def _left_behind(stage: StageName, service: ServiceName) -> Query:
    return sql(
        "delete from promotion_services where stage = ? and service = ? and not exists "
        "(select 1 from promotions p where p.number = promotion_services.promotion "
        "and cast(? as text) like '%,' || p.state || ',%') returning promotion",
        stage,
        service,
        OPEN,
    )


def holder(stage: StageName, service: ServiceName) -> Script[Promotion]:
    """Who has it, open, with the row of its operation held: it stays so meanwhile.

    Raises:
        TransientError: it has just ended.
    """
    locked = yield sql(
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
    found = next(map(promotion_of, rows), None)
    if found is None or not found.state.open:
        raise TransientError(f"another promotion of {service} ended at this moment")
    if found.op not in [row["id"] for row in locked]:  # it changed hands meanwhile
        return (yield from holder(stage, service))
    return found


def held(found: Promotion) -> Script[Promotion | None]:
    """As it is with the row of its operation held; None: it has ended, or goes on as another."""
    yield sql("select o.id from operations o where o.id = ? {HOLD}", found.op)
    rows = yield sql("select * from promotions where op_id = ?", found.op)
    now = next(map(promotion_of, rows), None)
    return now if now and now.state.open else None


def free(number: PromotionId) -> Script[None]:
    """It needs its services no more; who queued behind it, or had them before it, has them now."""
    rows = yield sql("delete from promotion_services where promotion = ? returning *", number)
    if rows:
        services = {ServiceName(row["service"]) for row in rows}
        yield from hand_over(number, StageName(rows[0]["stage"]), services)


def hand_over(
    number: PromotionId, stage: StageName, services: Collection[ServiceName]
) -> Script[None]:
    """To rollbacks that wait, and where it has changed nothing, to what is deployed beside it."""
    rows = yield sql(
        "select * from promotions where stage = ? and number <> ? and plan is not null "
        "and ended_at is null and case when state = ? "
        "then (select o.merge_sha from promotions o where o.number = ?) = '' "
        "else kind = ? end order by number",
        stage,
        number,
        PromotionState.MERGED.value,
        number,
        PromotionKind.ROLLBACK.value,
    )
    for heir in map(promotion_of, rows):
        wanted = set(heir.plan.services if heir.plan else ()) & set(services)
        if wanted and (yield from held(heir)):  # else it would keep for good what it gets
            for service in sorted(wanted):
                yield from insert(stage, service, heir.id)


def rivals(
    stage: StageName, kind: PromotionKind, services: Collection[ServiceName]
) -> Script[list[Promotion]]:
    """Open ones of any of these services that may end one of this kind, or end by it."""
    backs = yield from rollbacks(stage, services)
    if kind is PromotionKind.PROMOTION or not services:
        return backs
    rows = yield sql(
        "select * from promotions where kind = 'promotion' and ended_at is null and number in "
        "(select s.promotion from promotion_services s where s.stage = ? "
        "and cast(? as text) like '%,' || s.service || ',%') order by number",
        stage,
        listed(services),
    )
    return [*map(promotion_of, rows), *backs]


def rollbacks(stage: StageName, services: Collection[ServiceName]) -> Script[list[Promotion]]:
    """The open ones of any of these services, whoever has them; oldest first."""
    if not services:
        return []
    rows = yield sql(
        "select * from promotions where stage = ? and kind = 'rollback' and ended_at is null "
        "and plan is not null order by number",
        stage,
    )
    found = map(promotion_of, rows)
    return [p for p in found if p.plan and not set(services).isdisjoint(p.plan.services)]
