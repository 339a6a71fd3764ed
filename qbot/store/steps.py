"""How a claimed operation goes on; each script first proves that the claim still holds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from qbot.domain.changes import Audited, Change
from qbot.domain.names import OpId
from qbot.domain.operation import Claim
from qbot.domain.progress import End
from qbot.domain.release import Shown
from qbot.store import desired, endings, undoing
from qbot.store.audit import note, scope_id
from qbot.store.changes import apply
from qbot.store.queue import own
from qbot.store.rows import document, time_text
from qbot.store.statements import Script, alone, sql


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
    yield from desired.show((yield from undoing.kept(progress)), at)


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
