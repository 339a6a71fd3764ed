"""How a claimed operation goes on; each script first proves that the claim still holds."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from qbot.domain.changes import Audited, Change
from qbot.domain.names import OpId
from qbot.domain.operation import Claim, Woken
from qbot.domain.progress import End
from qbot.domain.release import Shown
from qbot.store import desired, endings
from qbot.store.audit import note, scope_id
from qbot.store.changes import apply
from qbot.store.queue import own
from qbot.store.rows import document, time_text
from qbot.store.statements import Channel, Notify, Script, alone, sql


def commit(
    claim: Claim, step: str, result: Any, changes: Sequence[Change], at: datetime
) -> Script[bool]:
    """Record a step; once recorded (an answer may have been lost on its way) it stays."""
    row = yield from own(claim)
    if (yield from _record(claim.operation.id, step, result, at)):
        for change in changes:
            yield from apply(change, claim, at)
    return row["cancel_by"] is not None


def commit_bare(claim: Claim, step: str, result: Any, at: datetime) -> Script[bool | None]:
    """The same for a step without changes, in one statement; None: `commit` has to say why not."""
    rows = yield alone(
        "insert into op_steps(op_id, name, result, at) select o.id, ?, ?, ? from operations o "
        "where o.id = ? and o.owner = ? and o.fence = ? and o.state = 'running' {HOLD} "
        "on conflict(op_id, name) do nothing "
        "returning (select cancel_by from operations where id = op_id) as cancel_by",
        step,
        document(result),
        time_text(at),
        claim.operation.id,
        claim.worker,
        claim.fence,
    )
    return rows[0]["cancel_by"] is not None if rows else None


def report(claim: Claim, progress: Shown, at: datetime) -> Script[None]:
    """Let the card show this."""
    yield from own(claim)
    yield from desired.show(progress, at)


def finish(
    claim: Claim, outcome: End, headline: str, changes: Sequence[Change], at: datetime
) -> Script[None]:
    """End it; an end without an audit row of its own gets one."""
    yield from own(claim)
    for change in changes:
        yield from apply(change, claim, at)
    operation = claim.operation
    yield from endings.end(operation.id, operation.kind, outcome, headline, at)
    if operation.env is not None:
        yield from endings.settle(operation.kind, operation.env, outcome)
    if not any(isinstance(change, Audited) for change in changes):
        yield from note(
            operation.actor,
            f"{operation.kind}.ended",
            outcome.value,
            at,
            op=operation.id,
            env=scope_id(operation),
        )


def wait(
    claim: Claim, step: str, topic: str, until: datetime, at: datetime, *, heed_cancel: bool
) -> Script[Woken | None]:
    """Take a signal, or suspend; a signal's script takes the same row, so none slips between."""
    row = yield from own(claim)
    op = claim.operation.id
    if row["cancel_by"] and heed_cancel:
        return Woken(cancelled=True)
    signals = yield sql(
        "select seq, payload from op_signals where op_id = ? and topic = ? and used_by is null "
        "order by seq limit 1",
        op,
        topic,
    )
    if signals:
        payload = json.loads(signals[0]["payload"])
        yield sql("update op_signals set used_by = ? where seq = ?", step, signals[0]["seq"])
        yield from _record(op, step, payload, at)
        return Woken(payload)
    if at >= until:
        yield from _record(op, step, None, at)
        return Woken()
    yield sql(
        "update operations set state = 'waiting', owner = null, clean = 1, wait_topic = ?, "
        "wait_until = ? where id = ?",
        topic,
        time_text(until),
        op,
    )
    return None


def signal(
    op: OpId, topic: str, key: str, payload: Mapping[str, Any], at: datetime
) -> Script[bool | None]:
    """Hand something over; see `wait` for the race that the first statement settles."""
    there = yield sql(
        "select o.id from operations o where o.id = ? and o.state <> 'done' {HOLD}", op
    )
    if not there:
        return None
    fresh = yield sql(
        "insert into op_signals(op_id, topic, dedup, payload, at) values(?, ?, ?, ?, ?) "
        "on conflict(op_id, topic, dedup) do nothing returning seq",
        op,
        topic,
        key,
        document(dict(payload)),
        time_text(at),
    )
    if fresh:
        yield sql(
            "update operations set state = 'ready' "
            "where id = ? and state = 'waiting' and wait_topic = ?",
            op,
            topic,
        )
        yield Notify(Channel.WORK)
    return bool(fresh)


def _record(op: OpId, step: str, result: Any, at: datetime) -> Script[bool]:
    rows = yield sql(
        "insert into op_steps(op_id, name, result, at) values(?, ?, ?, ?) "
        "on conflict(op_id, name) do nothing returning name",
        op,
        step,
        document(result),
        time_text(at),
    )
    return bool(rows)
