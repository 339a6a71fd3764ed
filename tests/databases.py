"""Fixtures: a fresh database of each kind. Import them by name in a conftest.

Those of a whole session are in the topmost conftest alone: each place has a session's of its own.

A test that asks for `database_url` or `database` runs twice, on SQLite and on PostgreSQL.
"""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from qbot.store import Database, open_store
from tests.clocks import HandClock
from tests.postgres import PostgresServer

KINDS = ["sqlite", "postgres"]
_SQLITE = "sqlite:///"
_AT_ONCE = 50  # schemas: each call of psql costs more than they all


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


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request, tmp_path)


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
async def database(database_url: str, tables: Path, clock: HandClock) -> AsyncIterator[Database]:
    if database_url.startswith(_SQLITE):
        shutil.copyfile(tables, database_url.removeprefix(_SQLITE))
    numbers = itertools.count(1)
    opened = await open_store(database_url, clock=clock, ids=lambda: f"op{next(numbers)}")
    yield opened
    await opened.close()
