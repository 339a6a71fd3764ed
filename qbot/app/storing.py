"""`qbot store ...`: settings -> the database's tools -> lines for a terminal."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from qbot.errors import PermanentError
from qbot.gateways.clock import SystemClock
from qbot.settings.loading import load_database_url
from qbot.store import backup
from qbot.store.copying import Copied, copy
from qbot.store.shape import PASSING, VERSION
from qbot.store.sides import Found
from qbot.store.urls import file_of, needs_extra, shown


async def copied(source: str, target: str, *, force: bool) -> Sequence[str]:
    """Copy one database into another one; a table of what was copied.

    Raises:
        PermanentError: a database is not as it should be.
        TransientError: a server does not answer.
    """
    return list(_table(await copy(source, target, force=force), shown(target)))


def _table(tables: Sequence[Copied], target: str) -> Iterator[str]:
    wide = max(len(table.table) for table in tables)
    yield f"{'table':{wide}}  {'rows':>10}  checksum"
    for table in sorted(tables, key=lambda t: t.table):
        yield f"{table.table:{wide}}  {table.rows:>10,}  {table.checksum}"
    yield f"{', '.join(PASSING)}: left out, they are about processes that run"
    for table in tables:
        if table.replaced:
            yield f"{table.table}: {table.replaced} rows had a NUL, which is U+FFFD in the copy"
    rows = sum(table.rows for table in tables)
    yield f"{len(tables)} tables, {rows:,} rows: {target} has the same, row by row"


def backed_up(env_file: Path | None, out: Path) -> str:
    """Copy the SQLite file into a new one.

    Raises:
        PermanentError: settings or files are not as they should be.
    """
    found = backup.back_up(_file(env_file, "pg_dump --format=custom --file FILE"), out)
    return _said(found)


def restored(env_file: Path | None, source: Path) -> Sequence[str]:
    """Put a backup in the SQLite file's place.

    Raises:
        PermanentError: settings or files are not as they should be.
    """
    path = _file(env_file, "pg_restore --no-owner --exit-on-error --dbname EMPTY_DATABASE FILE")
    found, before = backup.restore(source, path, SystemClock().now())
    lines = [_said(found)]
    return [*lines, f"what was there before is {before}"] if before else lines


async def checked(env_file: Path | None) -> str:
    """Read the database whole.

    Raises:
        PermanentError: it is not as it should be.
        TransientError: the server does not answer.
    """
    url = load_database_url(os.environ, env_file=env_file)
    if path := file_of(url):
        return _said(backup.checked(path))
    try:
        from qbot.store.server_side import server_found  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise needs_extra() from error
    return _said(await server_found(url))


def _said(found: Found) -> str:
    note = "" if found.version == VERSION else f" (the next start brings it to {VERSION})"
    return f"{found.where}: sound, schema version {found.version}{note}, {found.rows:,} rows"


def _file(env_file: Path | None, instead: str) -> Path:
    url = load_database_url(os.environ, env_file=env_file)
    path = file_of(url)
    if path is None:
        raise PermanentError(f"QBOT_DATABASE_URL is a PostgreSQL: {instead} does this for it.")
    return path
