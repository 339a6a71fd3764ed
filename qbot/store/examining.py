"""What `doctor` reads of the database, beside a Qbot that runs: nothing is locked or migrated."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from qbot.domain.diagnosis.database import DatabaseFacts
from qbot.errors import PermanentError
from qbot.store.migrations import MIGRATIONS
from qbot.store.statements import Row, Script, sql
from qbot.store.urls import file_of, needs_extra, shown

_NEWEST = MIGRATIONS[-1].version
_BUSY_SECONDS = 5
_HUNDREDS = 10_000  # how PostgreSQL writes its version as one number: 170004
_SERVER = """select current_setting('server_version_num')::integer as version,
  pg_is_in_recovery() as standby, to_regclass('schema_versions') is not null as made,
  coalesce(has_schema_privilege(current_schema(), 'create, usage'), false) as creates"""
_VERSION = "select max(version) as version from schema_versions"


class DatabaseExamination:
    """The port `DatabaseReader`. `url` is as `open_store` takes it."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def read(self) -> DatabaseFacts:
        """How it is now.

        Raises:
            TransientError: it does not answer.
            PermanentError: it is not as it should be, or refuses the account.
        """
        path = file_of(self._url)
        if path is None:
            return await _of_server(self._url)
        return await asyncio.to_thread(_of_file, path)


def _of_file(path: Path) -> DatabaseFacts:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise PermanentError(f"There is no folder {folder} for the database.")
    free = shutil.disk_usage(folder).free
    if not path.exists():
        return DatabaseFacts(
            where=str(path),
            schema=None,
            newest=_NEWEST,
            writable=os.access(folder, os.W_OK),
            free=free,
        )
    schema, wal = _tables(path)
    return DatabaseFacts(
        where=str(path),
        schema=schema,
        newest=_NEWEST,
        # SQLite makes files of its own beside it.
        writable=os.access(path, os.W_OK) and os.access(folder, os.W_OK),
        free=free,
        wal=wal if schema is not None else None,
    )


def _tables(path: Path) -> tuple[int | None, bool]:
    """The version of its tables, and whether it writes a log ahead."""
    where = f"{path.absolute().as_uri()}?mode={'rw' if os.access(path, os.W_OK) else 'ro'}"
    try:
        with closing(sqlite3.connect(where, uri=True, timeout=_BUSY_SECONDS)) as connection:
            connection.execute("pragma query_only = on")
            (mode,) = connection.execute("pragma journal_mode").fetchone()
            made = "select 1 from sqlite_master where name = 'schema_versions'"
            if connection.execute(made).fetchone() is None:
                return None, mode == "wal"
            (version,) = connection.execute(_VERSION).fetchone()
            return version, mode == "wal"
    except sqlite3.Error as error:
        raise PermanentError(f"cannot read the database {path}: {error}") from error


async def _of_server(url: str) -> DatabaseFacts:
    try:
        from qbot.store.postgres import PostgresDriver  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise needs_extra() from error
    driver = await PostgresDriver.open(url)
    try:
        server, schema = await driver.run(_asked())
    finally:
        await driver.close()
    return DatabaseFacts(
        where=shown(url),
        schema=schema,
        newest=_NEWEST,
        writable=bool(server["creates"]),
        server=int(server["version"]) // _HUNDREDS,
        standby=bool(server["standby"]),
    )


def _asked() -> Script[tuple[Row, int | None]]:
    (server,) = yield sql(_SERVER)
    if not server["made"]:
        return server, None
    (found,) = yield sql(_VERSION)
    return server, found["version"]
