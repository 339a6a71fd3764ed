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
from functools import partial
from pathlib import Path
from typing import IO

from sqlite_utils import Database

from qbot.errors import PermanentError
from qbot.store.statements import Channel, Script, T
from qbot.store.together import Job, run_together

_BUSY_SECONDS = 5  # another program (a backup) may hold the file for a moment
_STATEMENTS = 256  # kept prepared: all there are
_TOGETHER = 100  # scripts in one transaction
_SEVERAL = "SQLite serves one process; for several replicas set QBOT_DATABASE_URL to a PostgreSQL."


class SqliteDriver:
    """Implements `Driver`. Make it with `open`."""

    dialect = "sqlite"

    def __init__(self, database: Database, thread: ThreadPoolExecutor, lock: IO[str]) -> None:
        self._database = database
        self._thread = thread
        self._lock = lock
        self._loop = asyncio.get_running_loop()
        self._jobs: list[Job] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._listeners: dict[Channel, list[Callable[[], None]]] = {c: [] for c in Channel}

    @classmethod
    async def open(cls, path: Path) -> "SqliteDriver":
        """Take the file for this process alone.

        Raises:
            PermanentError: another process has it, or it cannot be opened.
        """
        lock, thread = taken(path, advice=_SEVERAL), ThreadPoolExecutor(1, "store")
        try:
            connect = asyncio.get_running_loop().run_in_executor(thread, _connected, path)
            return cls(await connect, thread, lock)
        except (sqlite3.Error, OSError) as error:
            thread.shutdown()
            lock.close()
            raise PermanentError(f"cannot open the database {path}: {error}") from error

    async def run(self, script: Script[T]) -> T:
        """Run it all or nothing in the store's thread, in one commit with others that wait."""
        if self._closed:
            raise PermanentError("the database is closed")
        job = Job(script, self._loop.create_future())
        self._jobs.append(job)
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._begin)
        result: T = await job.answer
        return result

    def listen(self, channel: Channel, wake: Callable[[], None]) -> None:
        """There is one process only, so its own commits are all there is to hear of."""
        self._listeners[channel].append(wake)

    async def close(self) -> None:
        """Close the file; what was asked for is finished first."""
        self._closed = True
        await self._idle.wait()
        await self._loop.run_in_executor(self._thread, self._database.close)
        self._thread.shutdown()
        self._lock.close()

    # Callbacks and not a task: whatever is cancelled, whoever waits is answered.

    def _begin(self) -> None:
        """Run together what has been asked for since the last time."""
        if not self._jobs:
            self._idle.set()
            return
        jobs = self._jobs[:_TOGETHER]
        run = self._loop.run_in_executor(self._thread, run_together, self._database.conn, jobs)
        run.add_done_callback(partial(self._end, jobs))

    def _end(self, jobs: list[Job], run: asyncio.Future[int]) -> None:
        error = run.exception()
        if error is None:
            jobs = jobs[: run.result()]
        del self._jobs[: len(jobs)]
        for channel in set[Channel]().union(*(job.told for job in jobs)):
            for wake in self._listeners[channel]:
                self._loop.call_soon(wake)
        for job in jobs:
            job.tell(error)
        self._loop.call_soon(self._begin)  # after those who were answered, who may ask for more


def _own(path: Path, flags: int) -> int:
    """For its owner's eyes alone, where it is new: who said yes to what stands in there."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _connected(path: Path) -> Database:
    os.close(_own(path, os.O_RDWR | os.O_CREAT))  # SQLite keeps its logs in the same mode
    connection = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_SECONDS,
        cached_statements=_STATEMENTS,
    )
    connection.row_factory = sqlite3.Row
    database = Database(connection)
    try:
        database.enable_wal()
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")
    except sqlite3.Error:
        connection.close()
        raise
    return database


def taken(path: Path, *, advice: str) -> IO[str]:
    """Lock `<path>.lock` until it is closed or the process dies, kill -9 included.

    Raises:
        PermanentError: another process has it; ends with the advice.
    """
    name = path.with_name(f"{path.name}.lock")
    try:
        lock = os.fdopen(_own(name, os.O_RDWR | os.O_CREAT | os.O_APPEND), "a+", encoding="ascii")
    except FileNotFoundError as error:
        raise PermanentError(
            f"There is no folder {path.parent} for the database: make it, or put "
            "QBOT_DATABASE_URL right."
        ) from error
    except OSError as error:
        raise PermanentError(f"cannot open {name}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise PermanentError(
            f"another Qbot (process {holder}) uses the database {path}. {advice}"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
