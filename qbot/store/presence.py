"""When the reaper was last there, and for how long it was not: scripts."""

from datetime import datetime

from qbot.domain.absence import Absence, absent
from qbot.store.rows import optional_time_text, time_of, time_text
from qbot.store.statements import Row, Script, sql


def present(since: datetime, at: datetime) -> Script[None]:
    """A process that has seen time go by since then is there."""
    rows = yield sql("select * from reaper_presence")
    found = None
    for row in rows:
        last = datetime.fromisoformat(row["last"])
        found = absent(_absence(row), last=last, since=since, now=at)
    yield sql(
        "insert into reaper_presence(one, last, back_at, until) values(1, ?, ?, ?) "
        "on conflict(one) do update set last = excluded.last, back_at = excluded.back_at, "
        "until = excluded.until",
        time_text(at),
        optional_time_text(found.back_at if found else None),
        optional_time_text(found.until if found else None),
    )


def absence() -> Script[Absence | None]:
    """The last one."""
    rows = yield sql("select * from reaper_presence")
    return _absence(rows[0]) if rows else None


def _absence(row: Row) -> Absence | None:
    back_at, until = time_of(row["back_at"]), time_of(row["until"])
    return Absence(back_at, until) if back_at and until else None
