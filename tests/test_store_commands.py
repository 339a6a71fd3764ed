"""`qbot store ...`, as the owner of an installation calls it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qbot.cli import main
from qbot.domain.people import Actor
from qbot.store import open_store
from qbot.store.shape import VERSION
from tests.clocks import HandClock
from tests.databases import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture
async def env_file(tmp_path: Path) -> Path:
    """The settings of a Qbot that turned somebody away."""
    url = f"sqlite:///{tmp_path}/qbot.db"
    database = await open_store(url, clock=HandClock())
    await database.audit.turned_away(Actor("T1", "UGUS"), "guest", "C1")
    await database.close()
    file = tmp_path / "env"
    file.write_text(f"QBOT_DATABASE_URL={url}\n")
    return file


def store(*arguments: object, **env: str) -> Result:
    outer = {name: None for name in os.environ if name.upper().startswith("QBOT_")}
    return CliRunner().invoke(main, ["store", *map(str, arguments)], env={**outer, **env})


def test_a_database_is_checked_backed_up_and_put_back(env_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "backup.db"
    told = store("check", "--env-file", env_file)
    sound = f"sound, schema version {VERSION}, 2 rows\n"
    assert (told.exit_code, told.stdout) == (0, f"{tmp_path}/qbot.db: {sound}")
    told = store("backup", "--env-file", env_file, out)
    assert (told.exit_code, told.stdout) == (0, f"{out}: {sound}")
    told = store("restore", "--env-file", env_file, out)
    assert told.exit_code == 0, told.stderr
    assert told.stdout.startswith(f"{tmp_path}/qbot.db: {sound}what was there before is {tmp_path}")


def test_a_copy_says_what_it_copied(env_file: Path, tmp_path: Path) -> None:
    told = store("copy", f"sqlite:///{tmp_path}/qbot.db", f"sqlite:///{tmp_path}/copy.db")
    assert told.exit_code == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].split() == ["table", "rows", "checksum"]
    assert ["audit", "1"] in [line.split()[:2] for line in lines]
    assert lines[-1].endswith(f"tables, 2 rows: {tmp_path}/copy.db has the same, row by row")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("select count(*) from audit").fetchone() == (1,)


def test_what_was_null_bytes_is_told(env_file: Path, tmp_path: Path, postgres_url: str) -> None:
    with closing(sqlite3.connect(tmp_path / "qbot.db")) as connection, connection:
        connection.execute("insert into sweep_tries values('a', 'b', 'c' || char(0))")
    told = store("copy", f"sqlite:///{tmp_path}/qbot.db", postgres_url)
    assert told.exit_code == 0, told.stderr
    assert "sweep_tries: 1 rows had a NUL, which is U+FFFD in the copy" in told.stdout
    told = store("check", QBOT_DATABASE_URL=postgres_url)
    assert told.stdout == f"localhost/postgres: sound, schema version {VERSION}, 3 rows\n"


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_server_has_its_own_programs_for_that(command: str, tmp_path: Path) -> None:
    url = "postgresql://qbot:hunter2@db.example.com/qbot"
    told = store(command, tmp_path / "file", QBOT_DATABASE_URL=url)
    assert told.exit_code == 2
    assert "is a PostgreSQL: pg_" in told.stderr
    assert "hunter2" not in told.output


@pytest.mark.parametrize("command", ["copy", "backup", "restore", "check"])
def test_every_command_explains_itself(command: str) -> None:
    told = store(command, "--help")
    assert told.exit_code == 0
    assert len(told.output) > 200
