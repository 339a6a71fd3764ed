"""A promotion begins: a new row for a new operation, or an old one that it goes on with."""

from datetime import datetime

from qbot.domain.inputs import gives_up
from qbot.domain.names import OpId, PromotionId, StageName
from qbot.domain.operation import Submission
from qbot.domain.promotion import (
    Promotion,
    PromotionState,
    Request,
    promotion_name,
)
from qbot.domain.rivals import BUSY
from qbot.errors import UserError
from qbot.store import promotions
from qbot.store.release_rows import (
    promotion_of,
)
from qbot.store.reserving import reserve, reserve_rest
from qbot.store.rows import clean, time_text
from qbot.store.statements import Row, Script, sql


def begin(wish: Submission, request: Request, op: OpId, at: datetime) -> Script[Promotion]:
    """A new row for a new operation, or an old one that it goes on with.

    Raises:
        UserError: that one has not failed, or somebody has gone on with it.
    """
    if request.again is not None:
        return (yield from _take_over(wish, request.again, request.stage, op))
    rows = yield sql(
        "insert into promotions(op_id, kind, stage, requester, account_id, account_name, state, "
        "created_at, merge_sha, reason, outcome, emergency, to_number) "
        "values(?, ?, ?, ?, ?, ?, ?, ?, '', ?, '', ?, ?) returning *",
        op,
        request.kind.value,
        request.stage,
        wish.actor.key,
        request.account.id if request.account else None,
        request.account.username if request.account else "",
        PromotionState.RESOLVING.value,
        time_text(at),
        clean(request.reason),
        1 if request.emergency else 0,
        request.to,
    )
    return promotion_of(rows[0])


def _take_over(
    wish: Submission, number: PromotionId, stage: StageName, op: OpId
) -> Script[Promotion]:
    withdrawn = yield sql(
        "select o.id from operations o join promotions p on p.op_id = o.id "
        "where p.number = ? and o.cancel_by is not null",
        number,
    )
    rows = yield sql(
        "update promotions set op_id = ?, outcome = '', ended_at = null, superseded_by = null, "
        "state = case when merge_sha <> '' then 'merged' when merge_request is not null "
        "then 'open' else 'resolving' end "
        "where number = ? and stage = ? and state = 'failed' "
        "and op_id in (select o.id from operations o where o.state = 'done') returning *",
        op,
        number,
        stage,
    )
    if not rows and gives_up(wish.input):
        rows = yield from _replaced(number, stage, op)
    if not rows:
        raise UserError((yield from _no_retry(number)))
    taken = promotion_of(rows[0])
    # One that is given up is in nobody's way, nor is anybody in its.
    if gives_up(wish.input):
        return taken
    if withdrawn and not taken.merge_sha:
        raise UserError(
            f"{taken.name} was withdrawn: it cannot be tried again.",
            hint="Withdraw closes its merge request.",
        )
    if taken.merge_sha:
        yield from reserve_rest(taken)
    elif taken.plan is not None:
        yield from reserve(taken, taken.plan.services, retried=True)
    return taken


def _replaced(number: PromotionId, stage: StageName, op: OpId) -> Script[list[Row]]:
    """Over it is already; what failed is to have its merge request closed."""
    return (
        yield sql(
            "update promotions set op_id = ? where number = ? and stage = ? "
            "and state = 'cancelled' and superseded_by is not null and merge_sha = '' "
            "and op_id in (select o.id from operations o where o.state = 'done' "
            "and o.outcome = 'failed') returning *",
            op,
            number,
            stage,
        )
    )


def _no_retry(number: PromotionId) -> Script[str]:
    found = yield from promotions.by_number(number)
    name = promotion_name(number)
    if found is None:
        return f"There is no {name}."
    if found.state.open:
        return f"{name} has been taken up again already: it {BUSY[found.state]}."
    if found.state is PromotionState.FAILED:
        return f"{name} is just coming to its end: try again in a moment."
    return f"{name} cannot be tried again: it is {found.word}."
