"""Fixtures: a fresh database of each kind. Import them by name in a conftest.

Those of a whole session are in the topmost conftest alone: each place has a session's of its own.

A test that asks for `database_url` or `database` runs twice, on SQLite and on PostgreSQL.
"""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from typing_extensions import override

from qbot.domain.ports import Clock
from qbot.store import Database, open_store
from qbot.store.sqlite import SqliteDriver
from qbot.store.statements import Script, sql
from tests.clocks import HandClock
from tests.postgres import PostgresServer

KINDS = ["sqlite", "postgres"]
_SQLITE = "sqlite:///"
_AT_ONCE = 50  # schemas: each call of psql costs more than they all
# Triggers forbid it for the audit log. What is there to forget is little: to truncate is slower.
_EMPTIED = """do $$ declare name text; begin
  perform set_config('session_replication_role', 'replica', true);
  for name in select tablename from pg_tables
      where schemaname = current_schema() and tablename <> 'schema_versions' loop
    execute format('delete from %I', name);
  end loop;
  for name in select sequencename from pg_sequences
      where schemaname = current_schema() and last_value is not null loop
    perform setval(format('%I', name)::regclass, 1, false);
  end loop;
end $$"""
P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def schemas(postgres_server: PostgresServer) -> Iterator[str]:
    """URLs of schemas that nobody has used."""
    return _schemas(postgres_server)


def _schemas(server: PostgresServer) -> Iterator[str]:
    for first in itertools.count(1, _AT_ONCE):
        names = [f"test_{number}" for number in range(first, first + _AT_ONCE)]
        server.sql("".join(f"create schema {name};" for name in names))
        yield from map(server.url, names)


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database to copy: its migrations cost more than all that most tests do with it."""
    path = tmp_path_factory.mktemp("tables") / "qbot.db"

    async def make() -> None:
        made = await open_store(f"{_SQLITE}{path}", clock=HandClock())
        await made.close()

    asyncio.run(make())
    return path


def copied(tables: Path, folder: Path) -> str:
    """The address of a new SQLite database with these tables."""
    path = folder / "qbot.db"
    shutil.copyfile(tables, path)
    return f"{_SQLITE}{path}"


async def open_copied(
    tables: Path, folder: Path, *, clock: Clock, ids: Callable[[], str] | None = None
) -> Database:
    """A new SQLite database with these tables, for who asks about other things than the store.

    It works in the thread of who asks it, who still waits for each answer: to change threads takes
    longer than a transaction.
    """
    numbers = itertools.count(1)
    url = copied(tables, folder)
    database = await open_store(url, clock=clock, ids=ids or (lambda: f"op{next(numbers)}"))
    assert isinstance(database.driver, SqliteDriver)
    database.driver._thread.shutdown()
    database.driver._thread = _SameThread()
    return database


class _SameThread(ThreadPoolExecutor):
    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done = Future[T]()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  (whoever waits for the answer gets it)
            done.set_exception(error)
        return done


@pytest.fixture(scope="session")
def migrated(schemas: Iterator[str]) -> str:
    """The URL of a schema that serves one test after the other, emptied in between.

    Its migrations cost the server ten times what most tests do. Where a test changes the tables
    themselves, its module has a `migrated` of its own.
    """
    return next(schemas)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of the test's `database`; without one, of what has no tables yet."""
    if "database" not in request.fixturenames:
        return url_of(request, tmp_path)
    if request.param == "sqlite":
        return copied(request.getfixturevalue("tables"), tmp_path)
    url: str = request.getfixturevalue("migrated")
    return url


def url_of(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh database of the kind that `request.param` names."""
    if request.param == "sqlite":
        return f"{_SQLITE}{tmp_path}/qbot.db"
    schemas: Iterator[str] = request.getfixturevalue("schemas")
    return next(schemas)


@pytest.fixture
def postgres_url(schemas: Iterator[str]) -> str:
    return next(schemas)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def database(database_url: str, clock: HandClock) -> AsyncIterator[Database]:
    numbers = itertools.count(1)
    opened = await open_store(database_url, clock=clock, ids=lambda: f"op{next(numbers)}")
    if opened.driver.dialect == "postgres":
        await opened.driver.run(_emptied())
    yield opened
    await opened.close()


def _emptied() -> Script[None]:
    yield sql(_EMPTIED)
