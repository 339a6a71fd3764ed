"""Scripts over environments that were deleted and may be wanted back."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.bringing_back import Deleted
from qbot.domain.names import BranchName
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind
from qbot.store import environments
from qbot.store.rows import environment_of, time_text
from qbot.store.statements import Row, Script, sql

_MOST = 200
# The first one that succeeded: what is cleared away later has been deleted before.
_READ = (
    "select e.*, o.ended_at as deleted_at, o.actor as deleted_by from environments e "
    "join operations o on o.seq = (select min(p.seq) from operations p "
    "where p.env_id = e.id and p.kind = ? and p.outcome = ?) where e.phase = 'deleted' "
)
_ENDED = (Kind.TEARDOWN.value, End.SUCCEEDED.value)


def newest(text: str) -> Script[Deleted | None]:
    """The one of this branch or name that was deleted last, with its plans."""
    rows = yield sql(
        f"{_READ} and (e.branch = ? or e.name = ?) order by o.ended_at desc, o.seq desc limit 1",
        *_ENDED,
        text,
        text,
    )
    if not rows:
        return None
    found = _of(rows[0])
    whole = yield from environments.by_id(found.environment.id)
    return replace(found, environment=whole) if whole else None


def since(at: datetime) -> Script[list[Deleted]]:
    """Those whose branch has no environment now, each branch once; newest first."""
    rows = yield sql(
        "select e.*, o.ended_at as deleted_at, o.actor as deleted_by from operations o "
        "join environments e on e.id = o.env_id where o.state = 'done' and o.forgotten = 0 "
        "and o.ended_at >= ? and o.kind = ? and o.outcome = ? and e.phase = 'deleted' "
        "and not exists (select 1 from environments l where l.branch = e.branch "
        "and l.phase <> 'deleted') order by o.ended_at desc, o.seq desc limit ?",
        time_text(at),
        *_ENDED,
        _MOST,
    )
    found: dict[BranchName, Deleted] = {}
    for one in map(_of, rows):
        found.setdefault(one.environment.branch, one)
    return list(found.values())


def _of(row: Row) -> Deleted:
    at = datetime.fromisoformat(row["deleted_at"])
    return Deleted(environment_of(row, ()), at, Actor.from_key(row["deleted_by"]))
