"""A PostgreSQL as one side of a copy: one connection, one transaction, no time limits."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from qbot.errors import PermanentError
from qbot.store.migrations import migrate
from qbot.store.postgres import CONNECT_SECONDS, ERRORS, TURNSTILES, PostgresDriver, understood
from qbot.store.shape import PASSING, Table, need_known, need_newest, tables
from qbot.store.sides import Found, Values, select
from qbot.store.statements import Turnstile
from qbot.store.urls import shown

_PAGE = 500
# Of another name than a replica's, whose sessions others cut when they stand still.
_SETTINGS = {"application_name": "qbot-store", "idle_in_transaction_session_timeout": "0"}


class ServerSide:
    """Implements `Snapshot`, and `Landing` where it was opened to be written."""

    keeps_nul = False

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", url: str, *, watched: bool
    ) -> None:
        self._connection = connection
        self._url = url
        self._watched = watched
        self.shown = shown(url)

    async def rows(self, table: Table) -> AsyncGenerator[Sequence[Values]]:
        """A page after the other."""
        with _told(self.shown):
            cursor = await self._connection.cursor(select(table, 'collate "C"'))
            while page := await cursor.fetch(_PAGE):
                yield [tuple(row.values()) for row in page]

    async def last(self, table: Table) -> int:
        """The last number given out."""
        with _told(self.shown):
            counter = await self._counter(table)
            found = await self._connection.fetchval(
                f"select case when is_called then last_value else 0 end from {counter}"  # noqa: S608 (told by the server)
            )
        return int(found)

    async def still(self) -> None:
        """Asked anew: the transaction sees nobody who has come since."""
        if self._watched:
            async with _connected(self._url) as connection:
                await _need_rest(connection, self._url)

    async def write(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows."""
        with _told(self.shown):
            await self._connection.copy_records_to_table(
                table.name, records=rows, columns=table.names
            )

    async def count_on(self, table: Table, last: int) -> None:
        """Give out numbers after this one."""
        with _told(self.shown):
            counter = await self._counter(table)
            await self._connection.execute("select setval($1::text::regclass, $2)", counter, last)

    async def keep(self) -> None:
        """It is committed at the end of the block."""

    async def _counter(self, table: Table) -> str:
        text = "select pg_get_serial_sequence($1, $2)"
        return str(await self._connection.fetchval(text, table.name, table.number))


@asynccontextmanager
async def server_source(url: str, *, force: bool) -> AsyncGenerator[ServerSide]:
    """The rows of one moment, whatever is written meanwhile.

    Raises:
        TransientError: it does not answer.
        PermanentError: it refuses, or a Qbot uses it and `force` is not given.
    """
    async with _connected(url) as connection, _transaction(connection, url, reading=True):
        if not force:
            await _need_rest(connection, url)
        need_newest(await _version(connection, shown(url)), shown(url))
        yield ServerSide(connection, url, watched=not force)


async def _need_rest(connection: "asyncpg.Connection[asyncpg.Record]", url: str) -> None:
    with _told(shown(url)):
        used = await _used(connection)
    if used:
        raise PermanentError(
            f"{used} {shown(url)}. Stop it first, or wait for 30 s where it has died. "
            "With --force, what it does from now on is not in the copy."
        )


async def server_found(url: str) -> Found:
    """Read how much there is; a Qbot may be using it.

    Raises:
        TransientError: it does not answer.
        PermanentError: it refuses, or is no database of Qbot's.
    """
    async with _connected(url) as connection, _transaction(connection, url, reading=True):
        version = need_known(await _version(connection, shown(url)), shown(url))
        names = [t.name for t in tables()]
        there = await connection.fetch(
            "select name from unnest($1::text[]) name where to_regclass(name) is not null", names
        )
        rows = 0
        for row in there:
            rows += await connection.fetchval(f"select count(*) from {row['name']}")  # noqa: S608 (names of the schema)
        return Found(shown(url), version, rows)


async def _version(connection: "asyncpg.Connection[asyncpg.Record]", where: str) -> int:
    if not await connection.fetchval("select to_regclass('schema_versions') is not null"):
        raise PermanentError(f"{where} is no database of Qbot's.")
    return int(await connection.fetchval("select max(version) from schema_versions") or 0)


@asynccontextmanager
async def server_target(url: str) -> AsyncGenerator[ServerSide]:
    """A database without rows; at the end of the block it has all of them, or none.

    Raises:
        TransientError: it does not answer.
        PermanentError: it refuses, has rows, or a Qbot uses it.
    """
    driver = await PostgresDriver.open(url)
    try:
        await driver.run(migrate(driver.dialect))
    finally:
        await driver.close()
    async with _connected(url) as connection, _alone(connection, url):
        if used := await _used(connection):
            raise PermanentError(f"{used} {shown(url)}. Stop it: the target must be at rest.")
        await _need_empty(connection, shown(url))
        yield ServerSide(connection, url, watched=False)


@asynccontextmanager
async def _alone(
    connection: "asyncpg.Connection[asyncpg.Record]", url: str
) -> AsyncGenerator[None]:
    """A transaction that begins when its turn has come: it sees what it had at its first word.

    The turn ends with the connection.
    """
    with _told(shown(url)):
        await connection.fetch("select pg_advisory_lock($1)", TURNSTILES[Turnstile.MIGRATE])
    async with _transaction(connection, url, reading=False):
        yield


async def _used(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
    """By whom; empty: by nobody."""
    there = await connection.fetchval("select to_regclass('workers') is not null")
    living = there and await connection.fetchval(
        "select count(*) from workers where expires > extract(epoch from clock_timestamp())"
    )
    if not living:
        return ""
    return "A Qbot uses" if living == 1 else f"{living} replicas of Qbot use"


async def _need_empty(connection: "asyncpg.Connection[asyncpg.Record]", where: str) -> None:
    for table in tables():
        if await connection.fetchval(f"select exists(select 1 from {table.name})"):  # noqa: S608 (names of the schema)
            raise PermanentError(
                f"The target {where} is not empty: {table.name} has rows. "
                "Choose an empty database; nothing was changed."
            )
    for name in PASSING:
        await connection.execute(f"delete from {name}")  # noqa: S608 (names of the schema)


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    with _told(shown(url)):
        try:
            connection = await asyncpg.connect(
                url, timeout=CONNECT_SECONDS, server_settings=_SETTINGS
            )
        except ValueError:
            raise PermanentError(f"the database URL for {shown(url)} is not valid") from None
    try:
        yield connection
    finally:
        with _told(shown(url)):
            await connection.close(timeout=CONNECT_SECONDS)


@asynccontextmanager
async def _transaction(
    connection: "asyncpg.Connection[asyncpg.Record]", url: str, *, reading: bool
) -> AsyncGenerator[None]:
    """All of it at one moment: nothing is seen, or seen by others, that is only half there."""
    with _told(shown(url)):
        async with connection.transaction(isolation="repeatable_read", readonly=reading):
            yield


@contextmanager
def _told(where: str) -> Generator[None]:
    """What the server says, in Qbot's words: the chain could quote the URL or a row."""
    try:
        yield
    except ERRORS as error:
        raise understood(error, where) from None
