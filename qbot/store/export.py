"""The audit log, read page by page beside a Qbot that runs: nothing is locked or migrated."""

import json
import sqlite3
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from datetime import datetime
from pathlib import Path
from typing import Any

from qbot.errors import PermanentError
from qbot.redaction import redact
from qbot.store.rows import time_text
from qbot.store.statements import Row, Script, alone

Entry = dict[str, Any]

_SQLITE = "sqlite:///"
_PAGE = 500
_BUSY_SECONDS = 5
_TEXT = (
    "select seq, at, team, user_id, op_id, env_id, action, outcome, detail from audit "
    "where seq > ? and at >= ? order by seq limit ?"
)


async def audit_entries(
    url: str, *, since: datetime | None = None
) -> AsyncGenerator[Sequence[Entry]]:
    """Pages of entries in the order in which they were written; close it when done.

    Args:
        url: as `open_store` takes it.
        since: the first moment that counts.

    Raises:
        PermanentError: there is no such database, or it is not one of Qbot's.
        TransientError: it does not answer.
    """
    start = time_text(since) if since else ""
    if url.startswith(_SQLITE):
        with closing(_of_file(Path(url.removeprefix(_SQLITE)), start)) as pages:
            for rows in pages:
                yield [_entry(row) for row in rows]
        return
    async with aclosing(_of_server(url, start)) as answers:
        async for rows in answers:
            yield [_entry(row) for row in rows]


def _of_file(path: Path, start: str) -> Generator[Sequence[Row]]:
    """Past the lock that keeps a second Qbot away: a reader harms nobody."""
    if not path.is_file():
        raise PermanentError(f"There is no database {path}.")
    where = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(where, uri=True, timeout=_BUSY_SECONDS)) as connection:
            connection.execute("pragma query_only = on")
            connection.row_factory = sqlite3.Row
            last = 0
            while rows := connection.execute(_TEXT, (last, start, _PAGE)).fetchall():
                yield rows
                last = rows[-1]["seq"]
    except sqlite3.Error as error:
        raise PermanentError(f"cannot read the audit log of {path}: {error}") from error


async def _of_server(url: str, start: str) -> AsyncGenerator[Sequence[Row]]:
    from qbot.store.postgres import PostgresDriver  # noqa: PLC0415  (an optional extra)

    driver = await PostgresDriver.open(url)
    try:
        last = 0
        while rows := await driver.run(_page(last, start)):
            yield rows
            last = rows[-1]["seq"]
    finally:
        await driver.close()


def _page(last: int, start: str) -> Script[list[Row]]:
    return (yield alone(_TEXT, last, start, _PAGE))


def _entry(row: Row) -> Entry:
    """One entry without secrets; `rule` and `promotion` stand beside the detail they are in."""
    detail = {name: redact(str(value)) for name, value in json.loads(row["detail"]).items()}
    return {
        "seq": row["seq"],
        "at": row["at"],
        "team": row["team"],
        "user": row["user_id"],
        "action": row["action"],
        "outcome": redact(row["outcome"]),
        "rule": detail.get("rule", ""),
        "promotion": detail.get("promotion", ""),
        "operation": row["op_id"] or "",
        "scope": row["env_id"] or "",
        "detail": detail,
    }
