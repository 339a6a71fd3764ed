"""What the database may forget, in transactions short enough for others to come in between."""

from datetime import datetime, timedelta

from qbot.domain.names import OpId
from qbot.domain.progress import End
from qbot.store import notices, sweeps
from qbot.store.rows import time_text
from qbot.store.statements import Script, sql

_KEEP_DELIVERIES = timedelta(days=2)  # Slack and GitLab repeat for an hour or so
_KEEP_WORKERS = 3600.0  # seconds since the lease ran out
_KEEP_WORK = timedelta(days=14)  # since the operation ended
_KEEP_FACTS = timedelta(days=30)  # of branches that no environment has
_OPERATIONS, _CARDS, _DELIVERIES = 20, 50, 500  # at once; an operation may have hundreds of steps


def forget_workers() -> Script[int]:
    """Drop workers long dead; how many."""
    rows = yield sql("delete from workers where expires < {NOW} - ? returning id", _KEEP_WORKERS)
    return len(rows)


def forget_deliveries(at: datetime) -> Script[int | None]:
    """Drop some deliveries that nobody repeats any more: how many; None when there are none."""
    rows = yield sql(
        "delete from deliveries where key in "
        "(select key from deliveries where at < ? order by at limit ?) returning key",
        time_text(at - _KEEP_DELIVERIES),
        _DELIVERIES,
    )
    return len(rows) or None


def forget_work(at: datetime) -> Script[int | None]:
    """Drop steps and signals of a few operations that ended long ago, not the operations.

    Returns how many rows went; None when there are no such operations left.
    """
    old = yield sql(
        "select o.id from operations o where o.state = 'done' and o.forgotten = 0 "
        "and o.ended_at < ? order by o.ended_at limit ? {SKIP}",
        time_text(at - _KEEP_WORK),
        _OPERATIONS,
    )
    gone = 0
    for row in old:
        gone += yield from _forget(OpId(row["id"]))
    return gone if old else None


def forget_cards(at: datetime) -> Script[int | None]:
    """Drop a few cards of operations that ended long ago; a living environment keeps its newest.

    Returns how many went; None when there are none left.
    """
    old = yield sql(
        # The cross join has SQLite read the few cards there are, not the operations of all time.
        # A card changes when it ends or later, so its own time finds those that may be due.
        "select c.op_id from cards c cross join operations o where c.ended = 1 "
        "and c.changed_at < ? and o.id = c.op_id "
        "and o.state = 'done' and o.ended_at < ? and (exists (select 1 from environments e "
        "where e.id = c.env_id and e.phase = 'deleted') or exists (select 1 from cards d "
        "join operations n on n.id = d.op_id where d.env_id = c.env_id and n.seq > o.seq)) "
        "order by c.changed_at limit ? {SKIP}",
        time_text(at - _KEEP_WORK),
        time_text(at - _KEEP_WORK),
        _CARDS,
    )
    for row in old:
        yield sql("delete from cards where op_id = ?", row["op_id"])
    return len(old) or None


def forget_facts(at: datetime) -> Script[int | None]:
    """Drop what was seen of branches and builds that concern nobody any more."""
    return (yield from sweeps.forget_facts(at - _KEEP_FACTS))


def forget_said(at: datetime) -> Script[int | None]:
    """Drop what the reaper said and asked long ago."""
    return (yield from notices.forget_notices(at - _KEEP_FACTS))


def _forget(op: OpId) -> Script[int]:
    steps = yield sql("delete from op_steps where op_id = ? returning name", op)
    signals = yield sql("delete from op_signals where op_id = ? returning seq", op)
    versions = yield from _forget_versions(op)
    yield sql("update operations set forgotten = 1 where id = ?", op)
    return len(steps) + len(signals) + versions


def _forget_versions(op: OpId) -> Script[int]:
    """What was deleted by it ran: by then nobody can restore that any more.

    One that was refused or failed deleted nothing; a later one did, and is forgotten later.
    """
    gone = yield sql(
        "select o.env_id from operations o join environments e on e.id = o.env_id "
        "where o.id = ? and o.kind = 'teardown' and o.outcome = ? and e.phase = 'deleted'",
        op,
        End.SUCCEEDED.value,
    )
    count = 0
    for row in gone:
        env = row["env_id"]
        wanted = yield sql(
            "delete from environment_services where env_id = ? returning env_id", env
        )
        sets = yield sql("delete from environment_sets where env_id = ? returning env_id", env)
        count += len(wanted) + len(sets)
    return count
