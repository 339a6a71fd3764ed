"""SQLite: one sqlite-utils `Database` over one connection, used by one thread, for one process.

Every transaction begins IMMEDIATE: a deferred one that reads and then writes fails at once when
another connection wrote in between, and no busy timeout helps.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from sqlite_utils import Database

from qbot.errors import PermanentError, TransientError
from qbot.store.statements import (
    Alone,
    Channel,
    CutFrozen,
    Notify,
    Pass,
    Query,
    Row,
    Script,
    Statement,
    T,
)

_BUSY_SECONDS = 5  # another program (a backup) may hold the file for a moment
_MARKS = {
    "{NOW}": "((julianday('now') - 2440587.5) * 86400.0)",
    "{HOLD}": "",  # a transaction holds the whole file
    "{SKIP}": "",
    "{SEQ}": "integer primary key autoincrement",
}


class SqliteDriver:
    """Implements `Driver`. Make it with `open`."""

    dialect = "sqlite"

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self._path = path
        self._lock = lock
        self._thread = ThreadPoolExecutor(1, "store")
        self._loop = asyncio.get_running_loop()
        self._texts: dict[str, str] = {}
        self._listeners: dict[Channel, list[Callable[[], None]]] = {c: [] for c in Channel}
        self._db: Database | None = None

    @classmethod
    async def open(cls, path: Path) -> "SqliteDriver":
        """Take the file for this process alone.

        Raises:
            PermanentError: another process has it, or it cannot be opened.
        """
        driver = cls(path, _take(path))
        try:
            await driver._loop.run_in_executor(driver._thread, driver._connect)
        except sqlite3.Error as error:
            await driver.close()
            raise PermanentError(f"cannot open the database {path}: {error}") from error
        return driver

    def _connect(self) -> None:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
        )
        connection.row_factory = sqlite3.Row
        self._db = Database(connection)
        self._db.enable_wal()
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")

    async def run(self, script: Script[T]) -> T:
        """Run one transaction in the store's thread."""
        result, told = await self._loop.run_in_executor(self._thread, self._run, script)
        for channel in told:
            for wake in self._listeners[channel]:
                wake()
        return result

    def listen(self, channel: Channel, wake: Callable[[], None]) -> None:
        """There is one process only, so its own commits are all there is to hear of."""
        self._listeners[channel].append(wake)

    async def close(self) -> None:
        """Close the file; what runs is finished first."""
        if self._db is not None:
            await self._loop.run_in_executor(self._thread, self._db.close)
        self._thread.shutdown()
        self._lock.close()

    def _run(self, script: Script[T]) -> tuple[T, set[Channel]]:
        if self._db is None:
            raise PermanentError("the database is closed")
        connection = self._db.conn
        try:
            connection.execute("begin immediate")
            return self._drive(connection, script)
        except sqlite3.Error as error:
            raise _translated(error) from error
        finally:
            script.close()
            if connection.in_transaction:
                connection.execute("rollback")

    def _drive(self, connection: sqlite3.Connection, script: Script[T]) -> tuple[T, set[Channel]]:
        told: set[Channel] = set()
        try:
            statement = next(script)
            while True:
                statement = script.send(self._answer(connection, statement, told))
        except StopIteration as stop:
            connection.execute("commit")
            return stop.value, told

    def _answer(
        self, connection: sqlite3.Connection, statement: Statement, told: set[Channel]
    ) -> list[Row]:
        match statement:
            case Query(text, params) | Alone(Query(text, params)):
                cursor = connection.execute(self._text(text), params)
                return cursor.fetchall() if cursor.description else []
            case Notify(channel):
                told.add(channel)
                return []
            case CutFrozen():
                return []  # there is no other worker
            case Pass():
                return [{"passed": True}]  # one thread: transactions never overlap

    def _text(self, text: str) -> str:
        if text not in self._texts:
            self._texts[text] = translated(text)
        return self._texts[text]


def translated(text: str) -> str:
    """The statement in SQLite's words."""
    for mark, meaning in _MARKS.items():
        text = text.replace(mark, meaning)
    return text


def _translated(error: sqlite3.Error) -> Exception:
    """Locked, full, unreadable: waiting may help. A refused statement is a bug."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
        return TransientError(f"the database does not answer: {error}")
    return PermanentError(f"the database refuses: {error}")


def _take(path: Path) -> IO[str]:
    """Lock `<path>.lock` until it is closed or the process dies, kill -9 included."""
    name = path.with_name(f"{path.name}.lock")
    try:
        lock = name.open("a+", encoding="ascii")
    except OSError as error:
        raise PermanentError(f"cannot open {name}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise PermanentError(
            f"another Qbot (process {holder}) uses the database {path}. SQLite serves one process; "
            "for several replicas set QBOT_DATABASE_URL to a PostgreSQL."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
