"""The store's own rows for tests in virtual time: SQLite in memory, asked without a thread.

A clock that jumps when nothing is ready does not know that a thread still works.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime
from functools import cache

from typing_extensions import override

from qbot.domain.trend import Life, Past
from qbot.errors import TransientError
from qbot.store.digests import SqlDigests
from qbot.store.migrations import migrate
from qbot.store.statements import Channel, Script, T
from qbot.store.together import Job, run_together
from tests.cards.virtual import VirtualClock


class MemoryDriver:
    """Implements `Driver`; while it is `down` the database is away."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.down = False

    async def run(self, script: Script[T]) -> T:
        if self.down:
            raise TransientError("the database is away")
        return _ran(self._connection, script)

    def listen(self, channel: Channel, wake: Callable[[], None]) -> None:
        """Tests wake whom they want woken."""

    async def close(self) -> None:
        self._connection.close()

    def look(self, query: str, *params: str) -> list[tuple[str, ...]]:
        """What the tables hold."""
        return [tuple(row) for row in self._connection.execute(query, params)]


def in_memory() -> MemoryDriver:
    """A database of its own with all tables, and nothing in them."""
    connection = _connected()
    _tables().backup(connection)
    return MemoryDriver(connection)


@cache  # the migrations cost more than most tests do with the tables
def _tables() -> sqlite3.Connection:
    connection = _connected()
    _ran(connection, migrate("sqlite"))
    return connection


def _ran(connection: sqlite3.Connection, script: Script[T]) -> T:
    job = Job(script, asyncio.get_running_loop().create_future())
    run_together(connection, [job])
    job.tell(None)
    result: T = job.answer.result()
    return result


def _connected() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


class DigestTable(SqlDigests):
    """Digests of a place where one environment has lived; `driver` is for a look at the table."""

    def __init__(self, clock: VirtualClock) -> None:
        self.driver = in_memory()
        self._virtual = clock
        super().__init__(self.driver, clock=clock)

    @override
    async def past(self, since: datetime) -> Past:
        return Past([Life(self._virtual.now())])

    @property
    def ended(self) -> dict[tuple[str, datetime], str]:
        """By channel and tick."""
        query = "select channel, tick, outcome from channel_digests where outcome <> ''"
        rows = self.driver.look(query)
        return {(channel, datetime.fromisoformat(at)): end for channel, at, end in rows}

    @property
    def told(self) -> list[tuple[int, int]]:
        """Of each that was posted, the minute of its tick and of the one that it looks back on."""
        query = "select tick, since from channel_digests where outcome = 'posted' order by tick"
        rows = self.driver.look(query)
        return [(_minute(tick), _minute(since)) for tick, since in rows]


def _minute(text: str) -> int:
    return datetime.fromisoformat(text).minute
