"""The script by which one person's word on a promotion is written down."""

from datetime import datetime

from qbot.domain.names import EnvId, OpId, PromotionId
from qbot.domain.promotion import DECISION, Approval, Promotion, PromotionState, Verdict
from qbot.domain.stages import scope_of
from qbot.store import promotions
from qbot.store.audit import note
from qbot.store.release_rows import approval_of
from qbot.store.rows import clean, time_text
from qbot.store.signalling import signal
from qbot.store.statements import Script, sql

_HEARD = {
    Verdict.APPROVED: (PromotionState.OPEN,),
    Verdict.REJECTED: (PromotionState.OPEN, PromotionState.APPROVED),
}
_ACTIONS = {Verdict.APPROVED: "approval", Verdict.REJECTED: "rejection"}


def approvals(number: PromotionId) -> Script[list[Approval]]:
    """All that was said, in the order in which it came."""
    rows = yield sql("select * from approvals where promotion = ? order by seq", number)
    return [approval_of(row) for row in rows]


def decide(word: Approval, rule: str, at: datetime) -> Script[list[Approval] | None]:
    """Approval, audit row and signal; None: nobody is asked any more.

    Every change of a promotion holds its operation's row, so this holds it first as well.
    """
    yield sql(
        "select o.id from operations o where o.id = (select op_id from promotions "
        "where number = ?) {HOLD}",
        word.promotion,
    )
    promotion = yield from promotions.by_number(word.promotion)
    if promotion is None or promotion.state not in _HEARD[word.verdict]:
        return None
    fresh = yield sql(
        "insert into approvals(promotion, actor, gitlab_id, username, digest, verdict, reason, "
        "at, void) values(?, ?, ?, ?, ?, ?, ?, ?, '') on conflict do nothing returning seq",
        word.promotion,
        word.actor.key,
        word.account.id,
        word.account.username,
        word.digest,
        word.verdict.value,
        clean(word.reason),
        time_text(word.at),
    )
    if fresh:
        yield from _note(promotion, word, rule, at)
        key = f"approval:{fresh[0]['seq']}"
        yield from signal(promotion.op, DECISION, key, {}, at)
    return (yield from approvals(word.promotion))


def _note(promotion: Promotion, word: Approval, rule: str, at: datetime) -> Script[None]:
    detail = {
        "promotion": promotion.name,
        "stage": promotion.stage,
        "digest": word.digest,
        "gitlab_id": str(word.account.id),
        "gitlab_username": word.account.username,
        "rule": rule,
        "reason": word.reason,
    }
    yield from note(
        word.actor,
        f"{promotion.kind}.{_ACTIONS[word.verdict]}",
        "done",
        at,
        op=OpId(promotion.op),
        env=EnvId(scope_of(promotion.stage)),
        detail=[(name, value) for name, value in detail.items() if value],
    )
