"""The scripts by which workers share the operations: claims, leases, release."""

import json
from collections.abc import Collection
from datetime import datetime

from qbot.domain.names import OpId
from qbot.domain.operation import Beat, Claim
from qbot.domain.ports import Fenced
from qbot.domain.progress import Kind
from qbot.errors import PermanentError
from qbot.store import operations
from qbot.store.rows import time_text
from qbot.store.statements import (
    Channel,
    CutFrozen,
    Notify,
    Pass,
    Row,
    Script,
    Turnstile,
    alone,
    listed,
    sql,
)

FIRST, IN_TURN = 0, 1  # priorities in the queue of a lock
ASIDE = 2  # a dry run: it is in no such queue


def claim(
    worker: str, limit: int, kinds: Collection[Kind], at: datetime, *, previews: int
) -> Script[list[Claim] | None]:
    """Take what may run, and so many dry runs; None: another replica is claiming, ask again."""
    turn = yield Pass(Turnstile.CLAIM, wait=False)
    if not turn[0]["passed"]:
        return None
    rows = yield from _in_turn(limit, kinds, at)
    if previews > 0:
        rows += yield from _aside(previews, kinds)
    claims: list[Claim] = []
    for row in rows:
        taken = yield from _take(OpId(row["id"]), worker, at, clean=bool(row["clean"]))
        claims.append(taken)
    return claims


def _in_turn(limit: int, kinds: Collection[Kind], at: datetime) -> Script[list[Row]]:
    rows = yield sql(
        "select o.id, o.clean from operations o where o.priority < ? "
        "and cast(? as text) like '%,' || o.kind || ',%' and (o.state = 'ready' "
        "or (o.state = 'waiting' and o.wait_until <= ?) or (o.state = 'queued' "
        "and (o.lock_key is null or (not exists (select 1 from operations a "
        "where a.lock_key = o.lock_key and a.state in ('ready', 'running', 'waiting')) "
        "and not exists (select 1 from operations b where b.lock_key = o.lock_key "
        "and b.state = 'queued' and (b.priority, b.seq) < (o.priority, o.seq)))))) "
        "order by o.seq limit ? {SKIP}",
        ASIDE,
        listed(kinds),
        time_text(at),
        limit,
    )
    return rows


def _aside(limit: int, kinds: Collection[Kind]) -> Script[list[Row]]:
    """Dry runs wait for nothing but for a worker that has room for one."""
    rows = yield sql(
        "select o.id, o.clean from operations o where o.priority = ? "
        "and cast(? as text) like '%,' || o.kind || ',%' and o.state in ('ready', 'queued') "
        "order by o.seq limit ? {SKIP}",
        ASIDE,
        listed(kinds),
        limit,
    )
    return rows


def _take(op: OpId, worker: str, at: datetime, *, clean: bool) -> Script[Claim]:
    rows = yield sql(
        "update operations set state = 'running', owner = ?, fence = fence + 1, clean = 0, "
        "wait_topic = null, wait_until = null, started_at = coalesce(started_at, ?) "
        "where id = ? returning fence",
        worker,
        time_text(at),
        op,
    )
    operation = yield from operations.by_id(op)
    if operation is None:
        raise PermanentError(f"The database lost operation {op}.")
    fence = rows[0]["fence"]
    steps = (yield from recorded(op)) if fence > 1 else {}  # the first to claim it finds none
    return Claim(operation, worker, fence, steps, resumed=fence > 1 and not clean)


def recorded(op: OpId) -> Script[dict[str, object]]:
    """The results of an operation's steps."""
    rows = yield sql("select name, result from op_steps where op_id = ?", op)
    return {row["name"]: json.loads(row["result"]) for row in rows}


def own(claim: Claim) -> Script[Row]:
    """Hold the operation's row for this transaction.

    Raises:
        Fenced: somebody else has it, or it has ended.
    """
    rows = yield sql(
        "select o.cancel_by, o.lock_key, o.seq from operations o "
        "where o.id = ? and o.owner = ? and o.fence = ? and o.state = 'running' {HOLD}",
        claim.operation.id,
        claim.worker,
        claim.fence,
    )
    if not rows:
        raise Fenced(claim.operation.id)
    return rows[0]


def release(claim: Claim) -> Script[None]:
    """Give it back, unless it is somebody else's by now."""
    yield sql(
        "update operations set state = 'ready', owner = null "
        "where id = ? and owner = ? and fence = ? and state = 'running'",
        claim.operation.id,
        claim.worker,
        claim.fence,
    )
    yield Notify(Channel.WORK)


def renew(worker: str, lease: float) -> Script[None]:
    """A transaction of its own: whatever else a beat does must not endanger the lease."""
    yield alone(
        "insert into workers(id, expires) values(?, {NOW} + ?) "
        "on conflict(id) do update set expires = excluded.expires",
        worker,
        float(lease),
    )


def leave(worker: str) -> Script[None]:
    """Its lease ends now; what it holds goes to whoever looks after the others next."""
    yield alone("delete from workers where id = ?", worker)


def look_after(worker: str, running: Collection[tuple[OpId, int]]) -> Script[Beat]:
    """Free what dead workers hold, and what this one holds without a task for it."""
    yield CutFrozen()
    freed = yield sql(
        "update operations set state = 'ready', owner = null where id in (select o.id "
        "from operations o where o.state = 'running' and not exists (select 1 from workers w "
        "where w.id = o.owner and w.expires > {NOW}) {SKIP}) returning id"
    )
    rows = yield sql(
        "select id, fence, cancel_by from operations where state = 'running' and owner = ?", worker
    )
    held = {(OpId(row["id"]), int(row["fence"])): row["cancel_by"] for row in rows}
    for op, fence in held.keys() - set(running):
        yield sql(
            "update operations set state = 'ready', owner = null "
            "where id = ? and owner = ? and fence = ? and state = 'running'",
            op,
            worker,
            fence,
        )
        yield Notify(Channel.WORK)
    if freed:
        yield Notify(Channel.WORK)
    return Beat(
        lost=frozenset(op for op, fence in running if (op, fence) not in held),
        cancelled=frozenset(op for (op, _), by in held.items() if by),
        taken_over=len(freed),
    )


def free_all() -> Script[None]:
    """For a database that this process has to itself: whoever held anything is dead."""
    yield sql("update operations set state = 'ready', owner = null where state = 'running'")
    yield sql("delete from workers")
    yield sql("delete from leases")
