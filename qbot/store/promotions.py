"""Scripts over promotions. Whoever changes one holds the row of the operation that carries it."""

from collections.abc import Sequence
from datetime import datetime

from qbot.domain.names import EnvId, OpId, PromotionId, StageName
from qbot.domain.people import Actor
from qbot.domain.progress import End
from qbot.domain.promotion import (
    Promotion,
    PromotionState,
)
from qbot.domain.release import Diff
from qbot.domain.stages import scope_of
from qbot.store import places, stopping
from qbot.store.audit import note
from qbot.store.release_rows import (
    changes_of,
    promotion_of,
)
from qbot.store.rows import clean, time_text
from qbot.store.statements import Script, listed, sql

_LEFT = "What is merged stays as it is."


def by_number(number: PromotionId) -> Script[Promotion | None]:
    """One promotion."""
    rows = yield sql("select * from promotions where number = ?", number)
    return promotion_of(rows[0]) if rows else None


def changes(number: PromotionId) -> Script[Diff]:
    """The lines that it changes, redacted; none where nothing is planned yet."""
    rows = yield sql("select changes from promotions where number = ?", number)
    return changes_of(rows[0]["changes"]) if rows else Diff()


def of_operation(op: OpId) -> Script[Promotion | None]:
    """The one that an operation carries."""
    rows = yield sql("select * from promotions where op_id = ?", op)
    return promotion_of(rows[0]) if rows else None


def newest(
    stage: StageName | None, limit: int, states: Sequence[PromotionState]
) -> Script[list[Promotion]]:
    """Newest first; an empty `states` means all."""
    wanted = states or tuple(PromotionState)
    among = listed(wanted), limit
    if stage is None:
        rows = yield sql(
            "select * from promotions where cast(? as text) like '%,' || state || ',%' "
            "order by number desc limit ?",
            *among,
        )
    elif all(state.open for state in wanted):
        rows = yield sql(
            "select * from promotions where stage = ? and ended_at is null "
            "and cast(? as text) like '%,' || state || ',%' order by number desc limit ?",
            stage,
            *among,
        )
    else:
        rows = yield sql(
            "select * from promotions where stage = ? "
            "and cast(? as text) like '%,' || state || ',%' order by number desc limit ?",
            stage,
            *among,
        )
    return [promotion_of(row) for row in rows]


def give_up(number: PromotionId, by: Actor, rule: str, at: datetime) -> Script[bool]:
    """What is merged stays merged; its operation looks at the row, and stops."""
    yield sql(
        "select o.id from operations o join promotions p on p.op_id = o.id "
        "where p.number = ? {HOLD}",
        number,
    )
    rows = yield sql(
        "update promotions set state = ?, outcome = ?, ended_at = ? "
        "where number = ? and state = ? returning *",
        PromotionState.CANCELLED.value,
        _LEFT,
        time_text(at),
        number,
        PromotionState.MERGED.value,
    )
    for found in map(promotion_of, rows):
        detail = [("promotion", found.name), ("stage", found.stage), ("rule", rule)]
        scope = EnvId(scope_of(found.stage))
        action = f"{found.kind}.abandoned"
        yield from note(by, action, "done", at, op=found.op, env=scope, detail=detail)
        yield from stopping.ask(found.op, by, at)
        yield from places.free(number)
    return bool(rows)


def settle(op: OpId, outcome: End, why: str, at: datetime) -> Script[PromotionState | None]:
    """An operation that ends leaves no promotion open: whoever forgot is corrected.

    Answers how its promotion stands then; None: it carries none.
    """
    quiet = {End.CANCELLED: PromotionState.CANCELLED, End.REFUSED: PromotionState.REFUSED}
    rows = yield sql(
        "update promotions set state = case when merge_request is null then ? else 'failed' end, "
        "outcome = ?, ended_at = ? where op_id = ? and cast(? as text) like '%,' || state || ',%' "
        "returning number, state",
        quiet.get(outcome, PromotionState.FAILED).value,
        clean(why),
        time_text(at),
        op,
        places.OPEN,
    )
    for row in rows:
        yield from places.free(row["number"])
    rows = rows or (yield sql("select state from promotions where op_id = ?", op))
    return PromotionState(rows[0]["state"]) if rows else None
