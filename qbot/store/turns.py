"""Turns: what a run waits for without writing it down, and the locks that it takes on its way."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.names import OpId, PromotionId
from qbot.domain.operation import Claim, Woken
from qbot.domain.progress import Kind
from qbot.domain.promotion import promotion_name
from qbot.store import desired
from qbot.store.queue import FIRST, IN_TURN, own
from qbot.store.rows import time_text
from qbot.store.statements import Channel, Notify, Pass, Row, Script, Turnstile, sql

_WORDS = {
    Kind.CREATE: "creation",
    Kind.SYNC: "sync",
    Kind.TEARDOWN: "deletion",
    Kind.DEPLOY: "deployment",
    Kind.RESTORE: "rollback",
    Kind.JOB: "job",
    Kind.PROMOTE: "promotion",
    Kind.ROLLBACK: "rollback",
}


def nap(
    claim: Claim, topic: str, until: datetime, at: datetime, *, heed_cancel: bool
) -> Script[Woken | None]:
    """Use up what was signalled, or suspend without any lock; see `signalling` for the race."""
    row = yield from own(claim)
    if row["cancel_by"] and heed_cancel:
        return Woken(cancelled=True)
    used = yield sql(
        "update op_signals set used_by = 'nap' where op_id = ? and topic = ? and used_by is null "
        "returning seq",
        claim.operation.id,
        topic,
    )
    if used or at >= until:
        return Woken()
    yield sql(
        "update operations set state = 'waiting', owner = null, clean = 1, wait_topic = ?, "
        "wait_until = ?, lock_key = null where id = ?",
        topic,
        time_text(until),
        claim.operation.id,
    )
    if row["lock_key"]:
        yield Notify(Channel.WORK)
    return None


def acquire(
    claim: Claim, scope: str, at: datetime, *, first: bool, heed_cancel: bool
) -> Script[Woken | None]:
    """Take the lock, or go to its queue.

    Raises:
        ValueError: it holds another lock: a bug in the caller.
    """
    yield Pass(Turnstile.CLAIM)  # nobody may leave the queue between the look and the taking
    row = yield from own(claim)
    if row["cancel_by"] and heed_cancel:
        return Woken(cancelled=True)
    if row["lock_key"] == scope:
        return Woken()
    if row["lock_key"]:
        msg = f"{claim.operation.id} holds {row['lock_key']} and asks for {scope}"
        raise ValueError(msg)
    op, priority = claim.operation.id, FIRST if first else IN_TURN
    ahead = yield from _ahead(scope, op, priority, row["seq"])
    yield sql(
        "update operations set lock_key = ?, priority = ?, "
        "state = case when ? = 1 then state else 'queued' end, "
        "owner = case when ? = 1 then owner end, clean = ? where id = ?",
        scope,
        priority,
        1 if ahead is None else 0,
        1 if ahead is None else 0,
        0 if ahead is None else 1,
        op,
    )
    if ahead is None:
        return Woken()
    headline = turn_of(Kind(ahead["kind"]), ahead["number"])
    yield from desired.edit(op, at, lambda shown: replace(shown, headline=headline))
    yield Notify(Channel.WORK)  # who was ahead may have ended in the same moment
    return None


def let_go(claim: Claim) -> Script[None]:
    """Hold no lock any more; the next one in its queue may run."""
    yield from own(claim)
    yield sql("update operations set lock_key = null where id = ?", claim.operation.id)
    yield Notify(Channel.WORK)


def _ahead(scope: str, op: OpId, priority: int, seq: int) -> Script[Row | None]:
    """Who has to end before it: the last one in front of it, which stays true until its turn."""
    rows = yield sql(
        "select o.kind, p.number from operations o left join promotions p on p.op_id = o.id "
        "where o.lock_key = ? and o.id <> ? and (o.state in ('ready', 'running', 'waiting') "
        "or (o.state = 'queued' and (o.priority, o.seq) < (?, ?))) order by "
        "case when o.state = 'queued' then 0 else 1 end, o.priority desc, o.seq desc limit 1",
        scope,
        op,
        priority,
        seq,
    )
    return rows[0] if rows else None


def turn_of(kind: Kind, number: PromotionId | None = None) -> str:
    """What somebody waits for who comes behind such an operation, in a sentence."""
    ahead = f"the {_WORDS[kind]} before it" if number is None else promotion_name(number)
    return f"Waits until {ahead} has ended."
