"""PostgreSQL through an asyncpg pool; several replicas share it.

A replica that is frozen in the middle of a transaction must not hold up those that take its work
over. Every session gives up a lock wait and an idle transaction after 3 s. That is not enough:
asyncpg prepares a statement in one message and runs it in another, and in between the server
calls the session active and no limit counts (before transaction_timeout of version 17), so every
beat cuts such sessions.
"""

import asyncio
import itertools
import os
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import Any, Protocol

import asyncpg

from qbot.errors import PermanentError, QbotError, TransientError
from qbot.store.hearing import Hearing, channel_name
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
    Turnstile,
    not_alone,
)
from qbot.store.urls import shown

_POOL = 8
CONNECT_SECONDS = 5
_ANSWER_SECONDS = 10  # a database that swallows packets counts as away
_MIGRATING_SECONDS = 3600.0  # an index over all that ever was takes its time
_LIMITS = {
    "application_name": "qbot",
    "idle_in_transaction_session_timeout": "3000",  # ms
    "lock_timeout": "3000",
    # Every query is short, even where the planner expects many rows.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}
TURNSTILES = {Turnstile.MIGRATE: 4711, Turnstile.SUBMIT: 4712, Turnstile.CLAIM: 4713}
_MARKS = {
    "{NOW}": "extract(epoch from clock_timestamp())::double precision",
    "{HOLD}": "for update of o",
    "{SKIP}": "for update of o skip locked",
    "{SEQ}": "bigint generated always as identity primary key",
}
ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_CUT_FROZEN = """select pg_terminate_backend(pid) from pg_stat_activity
  where application_name = 'qbot' and datname = current_database() and usename = current_user
  and state = 'active' and wait_event = 'ClientRead' and xact_start is not null
  and state_change < clock_timestamp() - interval '3 seconds'"""
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is about to be promoted
    asyncpg.InternalClientError,  # a connection confused by an answer that came after its time
)


class Connection(Protocol):
    """The part of an asyncpg connection that a transaction needs."""

    async def fetch(self, query: str, /, *args: Any, timeout: float | None = None) -> list[Any]:  # noqa: ASYNC109  (asyncpg's own)
        """Rows of one statement; none for a statement that gives none."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """Committed at the end of the block, or rolled back."""


class PostgresDriver:
    """Implements `Driver`. Make it with `open`."""

    dialect = "postgres"

    def __init__(self, url: str, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._where = shown(url)
        self._pool = pool
        self._hearing = Hearing(url, timeout=CONNECT_SECONDS)

    @classmethod
    async def open(cls, url: str) -> "PostgresDriver":
        """Connect; the listening connection follows in the background.

        Raises:
            TransientError: it does not answer.
            PermanentError: it refuses the account, the database or the URL.
        """
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=_POOL,
                timeout=CONNECT_SECONDS,
                command_timeout=_ANSWER_SECONDS,
                server_settings=_LIMITS,
                reset=_nothing,
            )
        except ValueError:
            raise PermanentError(f"the database URL for {shown(url)} is not valid") from None
        except ERRORS as error:
            raise understood(error, shown(url)) from None  # the chain could quote the URL
        return cls(url, pool)

    async def run(self, script: Script[T]) -> T:
        """Run one transaction on a connection of the pool."""
        try:
            async with self._pool.acquire(timeout=_ANSWER_SECONDS) as connection:
                return await _drive(connection, script)
        except QbotError:
            raise
        except ERRORS as error:
            raise understood(error, self._where) from error
        finally:
            script.close()

    def listen(self, channel: Channel, wake: Callable[[], None]) -> None:
        """Hear of every replica's commits."""
        self._hearing.add(channel, wake)

    async def close(self) -> None:
        """Close every connection."""
        await self._hearing.close()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._pool.close()
        except ERRORS:
            self._pool.terminate()


async def _nothing(_: object) -> None:
    """Asked for after each transaction, which leaves nothing to reset: a round trip saved."""


async def _drive(connection: Connection, script: Script[T]) -> T:
    statement = next(script)
    told: set[str] = set()
    if isinstance(statement, Alone):
        return await _only(connection, script, statement)
    async with connection.transaction():
        result = await _go_on(connection, script, statement, told)
        if told:  # in one round trip; PostgreSQL itself waits for the commit
            await connection.fetch(
                "select pg_notify(name, '') from unnest($1::text[]) name", [*told]
            )
        return result


async def _only(connection: Connection, script: Script[T], statement: Alone) -> T:
    rows = await _answer(connection, statement, set())
    try:
        script.send(rows)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise not_alone()


async def _go_on(
    connection: Connection, script: Script[T], statement: Statement, told: set[str]
) -> T:
    try:
        while True:
            statement = script.send(await _answer(connection, statement, told))
    except StopIteration as stop:
        result: T = stop.value
        return result


async def _answer(connection: Connection, statement: Statement, told: set[str]) -> list[Row]:
    match statement:
        case Query(text, params, patient) | Alone(Query(text, params, patient)):
            limit = _MIGRATING_SECONDS if patient else None
            return list(await connection.fetch(translated(text), *params, timeout=limit))
        case Notify(channel):
            told.add(channel_name(channel))
            return []
        case CutFrozen():
            return list(await connection.fetch(_CUT_FROZEN))
        case Pass(turnstile, wait):
            number = TURNSTILES[turnstile]
            if not wait:
                text = "select pg_try_advisory_xact_lock($1) as passed"
                return list(await connection.fetch(text, number))
            if turnstile is Turnstile.MIGRATE:
                await _wait_for_migration(connection, number)
            else:
                await connection.fetch("select pg_advisory_xact_lock($1)", number)
            return [{"passed": True}]


async def _wait_for_migration(connection: Connection, number: int) -> None:
    """Another replica may be at it, and is not frozen because it takes minutes."""
    limit = "select set_config('lock_timeout', $1, true)"
    await connection.fetch(limit, str(int(_MIGRATING_SECONDS * 1000)))
    lock = "select pg_advisory_xact_lock($1)"
    await connection.fetch(lock, number, timeout=_MIGRATING_SECONDS)
    await connection.fetch(limit, _LIMITS["lock_timeout"])


@lru_cache(maxsize=1_024)  # some name as many values as are asked for
def translated(text: str) -> str:
    """The statement in PostgreSQL's words."""
    for mark, meaning in _MARKS.items():
        text = text.replace(mark, meaning)
    numbers = itertools.count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", text)


def understood(error: Exception, where: str) -> QbotError:
    """An asyncpg error in Qbot's words: only the first line, since details quote rows."""
    text: Any = error.args[0] if error.args else type(error).__name__
    if isinstance(error, OSError) and error.errno:  # its first argument is the bare number
        text = os.strerror(error.errno).lower()
    text = str(text).partition("\n")[0]
    closed = isinstance(error, asyncpg.InterfaceError) and ("closed" in text or "closing" in text)
    if isinstance(error, _AWAY) or closed:
        return TransientError(f"the database {where} does not answer: {text}")
    return PermanentError(f"the database {where} refuses: {text}")
