"""Doctor reads the database beside a Qbot that has it, and leaves it as it is."""

import os
import sqlite3
from pathlib import Path

import pytest

from qbot.errors import PermanentError
from qbot.gateways.clock import SystemClock
from qbot.store import open_store
from qbot.store.examining import DatabaseExamination
from qbot.store.migrations import MIGRATIONS
from tests.store.wishes import Wishes

NEWEST = MIGRATIONS[-1].version


async def test_it_is_read_while_qbot_has_it(wishes: Wishes, database_url: str) -> None:
    found = await DatabaseExamination(database_url).read()
    assert (found.schema, found.newest, found.writable) == (NEWEST, NEWEST, True)
    if database_url.startswith("sqlite"):
        assert (found.wal, found.server) == (True, None)
        assert found.free
    else:
        assert (found.wal, found.free, found.standby) == (None, None, False)
        assert found.server
        assert "@" not in found.where


async def test_one_that_is_not_there_yet_has_no_tables_and_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "qbot.db"
    found = await DatabaseExamination(f"sqlite:///{path}").read()
    assert (found.schema, found.writable) == (None, True)
    assert list(tmp_path.iterdir()) == []


async def test_a_server_without_tables_says_so(postgres_url: str) -> None:
    found = await DatabaseExamination(postgres_url).read()
    assert (found.schema, found.writable) == (None, True)


async def test_an_older_one_is_told_and_not_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "qbot.db"
    database = await open_store(f"sqlite:///{path}", clock=SystemClock())
    await database.close()
    with sqlite3.connect(path) as connection:
        connection.execute("delete from schema_versions where version = ?", (NEWEST,))
    connection.close()
    for _ in range(2):
        assert (await DatabaseExamination(f"sqlite:///{path}").read()).schema == NEWEST - 1


async def test_what_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "qbot.db"
    path.write_text("this is no database, and it is longer than a header of one has to be" * 9)
    with pytest.raises(PermanentError, match="cannot read the database"):
        await DatabaseExamination(f"sqlite:///{path}").read()
    with pytest.raises(PermanentError, match="There is no folder"):
        await DatabaseExamination(f"sqlite:///{tmp_path}/none/qbot.db").read()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_file_of_somebody_else_is_not_writable(tmp_path: Path) -> None:
    path = tmp_path / "qbot.db"
    database = await open_store(f"sqlite:///{path}", clock=SystemClock())
    await database.close()
    path.chmod(0o400)
    assert not (await DatabaseExamination(f"sqlite:///{path}").read()).writable
