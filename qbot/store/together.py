"""SQLite scripts that wait at the same moment share one transaction, and so one fsync.

Each is still all or nothing, and none is answered before the commit that they share: as if they
had run one after the other, of which the disk saw the end.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

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
    not_alone,
)

_LONG_SECONDS = 0.01  # those that are done do not wait for more than this of their neighbours' work
_MARKS = {
    "{NOW}": "((julianday('now') - 2440587.5) * 86400.0)",
    "{HOLD}": "",  # a transaction holds the whole file
    "{SKIP}": "",
    "{SEQ}": "integer primary key autoincrement",
}


Seconds = Callable[[], float]  # of a clock that only goes forward


@dataclass(slots=True, eq=False)
class Job:
    """A script, who waits for it, and what came of it."""

    script: Script[Any]
    answer: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None
    told: set[Channel] = field(default_factory=set)

    def fail(self, error: Exception) -> None:
        """Nothing of it is kept; the first reason counts."""
        self.error = self.error or error
        self.told.clear()

    def tell(self, bug: BaseException | None) -> None:
        """Answer, in the event loop; whoever asked may have given up by now."""
        error = bug or self.error
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(self.value)
        else:
            self.answer.set_exception(error)


def run_together(
    connection: sqlite3.Connection, jobs: Sequence[Job], *, seconds: Seconds = time.monotonic
) -> int:
    """Run the first of these, as many as fit a moment, in one transaction; how many those were.

    Those behind them have not begun, whatever came of these: they are for the next time. Only
    where nothing can begin at all, everybody is told at once.
    """
    done = len(jobs)
    try:
        connection.execute("begin immediate")
        done = _run_some(connection, jobs, seconds)
        if connection.in_transaction:
            connection.execute("commit")
        else:  # a full disk, for one, ends the transaction of all
            _fail(jobs[:done], sqlite3.OperationalError("it undid what had begun"))
    except sqlite3.Error as error:
        _fail(jobs[:done], error)
        if connection.in_transaction:
            connection.execute("rollback")
    return done


def _run_some(connection: sqlite3.Connection, jobs: Sequence[Job], seconds: Seconds) -> int:
    until = seconds() + _LONG_SECONDS
    for done, job in enumerate(jobs, 1):
        if not job.answer.cancelled():
            _run(connection, job)
        if not connection.in_transaction or seconds() > until:
            return done
    return len(jobs)


def _run(connection: sqlite3.Connection, job: Job) -> None:
    connection.execute("savepoint job")
    try:
        statement = next(job.script)
        is_alone = isinstance(statement, Alone)
        while True:
            statement = job.script.send(_answer(connection, statement, job.told))
            if is_alone:
                job.fail(not_alone())
                break
    except StopIteration as stop:
        job.value = stop.value
    except sqlite3.Error as error:
        job.fail(_understood(error))
    except Exception as error:  # noqa: BLE001  (not swallowed: whoever waits for the job gets it)
        job.fail(error)
    finally:
        job.script.close()
    if connection.in_transaction:
        if job.error is not None:
            connection.execute("rollback to job")
        connection.execute("release job")


def _fail(jobs: Sequence[Job], error: sqlite3.Error) -> None:
    for job in jobs:
        job.fail(_understood(error))


def _answer(connection: sqlite3.Connection, statement: Statement, told: set[Channel]) -> list[Row]:
    match statement:
        case Query(text, params) | Alone(Query(text, params)):
            cursor = connection.execute(translated(text), params)
            return cursor.fetchall() if cursor.description else []
        case Notify(channel):
            told.add(channel)
            return []
        case CutFrozen():
            return []  # there is no other worker
        case Pass():
            return [{"passed": True}]  # one thread: transactions never overlap


@lru_cache(maxsize=1_024)  # some name as many values as are asked for
def translated(text: str) -> str:
    """The statement in SQLite's words."""
    for mark, meaning in _MARKS.items():
        text = text.replace(mark, meaning)
    return text


def _understood(error: sqlite3.Error) -> Exception:
    """Locked, full, unreadable: waiting may help. A refused statement is a bug."""
    code = getattr(error, "sqlite_errorcode", None)
    told: Exception = PermanentError(f"the database refuses: {error}")
    if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
        told = TransientError(f"the database does not answer: {error}")
    told.__cause__ = error
    return told
