"""Scripts that read operations."""

from collections.abc import Sequence
from datetime import datetime

from qbot.domain.environment import Phase
from qbot.domain.inputs import is_whole
from qbot.domain.names import EnvId, OpId, StageName
from qbot.domain.operation import Durations, Operation
from qbot.domain.people import QBOT
from qbot.domain.progress import End, Kind
from qbot.store.rows import input_of, operation_of, time_of
from qbot.store.statements import Row, Script, sql

_READ = "select o.*, c.progress from operations o left join cards c on c.op_id = o.id"
_OPEN = "o.state in ('queued', 'ready', 'running', 'waiting')"  # by index, unlike <> 'done'
_READ_AHEAD = 4


def by_id(op: OpId) -> Script[Operation | None]:
    """One operation with the newest progress of its card."""
    rows = yield sql(f"{_READ} where o.id = ?", op)
    return operation_of(rows[0]) if rows else None


def of_environment(env: EnvId, limit: int) -> Script[list[Operation]]:
    """Newest first."""
    rows = yield sql(f"{_READ} where o.env_id = ? order by o.seq desc limit ?", env, limit)
    return [operation_of(row) for row in rows]


def worked_on(env: EnvId, limit: int) -> Script[list[Operation]]:
    """Newest first. Neither dry runs nor jobs hold an environment; fence 0: it never began."""
    rows = yield sql(
        f"{_READ} where o.env_id = ? and (o.lock_key is not null or o.kind = ? and {_OPEN}) "
        "and coalesce(o.outcome, '') <> ? and not (coalesce(o.outcome, '') = ? and o.fence = 0) "
        "order by o.seq desc limit ?",
        env,
        Kind.JOB.value,
        End.REFUSED.value,
        End.CANCELLED.value,
        limit,
    )
    return [operation_of(row) for row in rows]


def of_branch(env: EnvId, limit: int) -> Script[list[Operation]]:
    """Of all environments that this one's branch ever had, newest first."""
    rows = yield sql(
        f"{_READ} join environments e on e.id = o.env_id "
        "join environments m on m.branch = e.branch where m.id = ? order by o.seq desc limit ?",
        env,
        limit,
    )
    return [operation_of(row) for row in rows]


def jobs_of(stage: StageName, limit: int) -> Script[list[Operation]]:
    """Newest first."""
    rows = yield sql(
        f"{_READ} where o.stage = ? and o.kind = ? order by o.seq desc limit ?",
        stage,
        Kind.JOB.value,
        limit,
    )
    return [operation_of(row) for row in rows]


def beside(env: EnvId) -> Script[list[Operation]]:
    """What is under way for an environment without holding it, oldest first."""
    rows = yield sql(
        f"{_READ} where o.env_id = ? and o.lock_key is null and o.state <> 'done' order by o.seq",
        env,
    )
    return [operation_of(row) for row in rows]


def under_way(stage: StageName) -> Script[list[Operation]]:
    """All of a stage that have not ended, whether they hold it or not, oldest first."""
    rows = yield sql(f"{_READ} where o.stage = ? and o.state <> 'done' order by o.seq", stage)
    return [operation_of(row) for row in rows]


def going_on(env: EnvId) -> Script[list[Operation]]:
    """What holds or queues for the environment: the active one, then the queue in its order."""
    rows = yield sql(
        f"{_READ} where o.lock_key = ? and {_OPEN} "
        "order by case when o.state = 'queued' then 1 else 0 end, o.priority, o.seq",
        env,
    )
    return [operation_of(row) for row in rows]


def active() -> Script[dict[EnvId, Operation]]:
    """The operation that holds, or is next to hold, each environment."""
    rows = yield sql(
        f"{_READ} where {_OPEN} and o.lock_key is not null and o.env_id is not null "
        "order by case when o.state = 'queued' then 0 else 1 end, o.priority desc, o.seq desc"
    )
    return {EnvId(row["env_id"]): operation_of(row) for row in rows}  # the last one counts


def failures() -> Script[dict[EnvId, str]]:
    """What the newest failed operation of each environment that needs attention has said."""
    rows = yield sql(
        "select e.id, o.headline from environments e join operations o on o.seq = "
        "(select max(p.seq) from operations p where p.env_id = e.id and p.outcome = ? "
        "and p.lock_key is not null) where e.phase <> 'deleted' and e.phase = ?",
        End.FAILED.value,
        Phase.FAILED.value,
    )
    return {EnvId(row["id"]): row["headline"] for row in rows}


def last_used() -> Script[dict[EnvId, datetime]]:
    """When the newest operation of each living environment ended or, while it runs, was asked.

    What Qbot itself asked for and was refused has changed nothing, and nobody wanted it.
    """
    rows = yield sql(
        "select e.id, (select coalesce(o.ended_at, o.created_at) from operations o "
        "where o.env_id = e.id and not (o.actor = ? and coalesce(o.outcome, '') = ?) "
        "order by coalesce(o.ended_at, o.created_at) desc limit 1) as at "
        "from environments e where e.phase <> 'deleted'",
        QBOT.key,
        End.REFUSED.value,
    )
    return {EnvId(row["id"]): datetime.fromisoformat(row["at"]) for row in rows if row["at"]}


def durations(env: EnvId, kind: Kind, limit: int) -> Script[Durations]:
    """From the first claim to the end, of runs that succeeded and were about every service.

    Dry runs hold no environment. What a run was about is in its input, so a few runs more are
    read than are wanted.
    """
    own = yield sql(
        "select input, started_at, ended_at from operations where env_id = ? and kind = ? "
        "and outcome = ? and lock_key is not null order by seq desc limit ?",
        env,
        kind.value,
        End.SUCCEEDED.value,
        limit * _READ_AHEAD,
    )
    everybody = yield sql(
        "select o.input, o.started_at, o.ended_at, c.input as made from operations o "
        "join operations c on c.env_id = o.env_id and c.kind = 'create' and c.lock_key is not null "
        "where o.kind = ? and o.outcome = ? and o.lock_key is not null order by o.seq desc limit ?",
        kind.value,
        End.SUCCEEDED.value,
        limit * _READ_AHEAD,
    )
    whole = [row for row in everybody if is_whole(input_of(Kind.CREATE, row["made"]))]
    return Durations(_seconds(own, kind)[:limit], _seconds(whole, kind)[:limit])


def _seconds(rows: Sequence[Row], kind: Kind) -> tuple[float, ...]:
    alike = (row for row in rows if is_whole(input_of(kind, row["input"])))
    spans = ((time_of(row["started_at"]), time_of(row["ended_at"])) for row in alike)
    return tuple((end - start).total_seconds() for start, end in spans if start and end)
