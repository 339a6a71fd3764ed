"""Fixtures: a fresh database of each kind. Import them by name in a conftest.

A test that asks for `database_url` or `database` runs twice, on SQLite and on PostgreSQL.
"""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from qbot.store import Database, open_store
from tests.clocks import HandClock
from tests.postgres import PostgresServer

_schemas = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.stop()


def fresh_schema(server: PostgresServer) -> str:
    """The URL of a schema that nobody has used."""
    name = f"test_{next(_schemas)}"
    server.sql(f"create schema {name}")
    return server.url(name)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/qbot.db"
    return fresh_schema(request.getfixturevalue("postgres_server"))


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    return fresh_schema(postgres_server)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def database(database_url: str, clock: HandClock) -> AsyncIterator[Database]:
    numbers = itertools.count(1)
    opened = await open_store(database_url, clock=clock, ids=lambda: f"op{next(numbers)}")
    yield opened
    await opened.close()
