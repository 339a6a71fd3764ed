"""`qbot audit export`, as the owner of an installation calls it."""

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qbot.cli import main
from qbot.domain.people import Actor
from qbot.errors import PermanentError
from qbot.store import open_store
from qbot.store.exporting import moment
from tests.clocks import START, HandClock
from tests.test_settings import GOOD as SETTINGS

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
async def env_file(tmp_path: Path) -> Path:
    """Settings of a Qbot that turned somebody away twice, an hour apart."""
    url = f"sqlite:///{tmp_path}/qbot.db"
    clock = HandClock()
    database = await open_store(url, clock=clock)
    await database.audit.turned_away(Actor("T1", "UGUS"), "guest", "C1")
    clock.advance(3600)
    await database.audit.turned_away(Actor("T1", "UEVE"), "external", "C1")
    await database.close()
    file = tmp_path / "env"
    lines = {**SETTINGS, "QBOT_DATABASE_URL": url}
    file.write_text("\n".join(f"{name}={value}" for name, value in lines.items()))
    return file


def export(env_file: Path, *arguments: str) -> Result:
    outer = {name: None for name in os.environ if name.upper().startswith("QBOT_")}
    words = ["audit", "export", "--env-file", str(env_file), *arguments]
    return CliRunner().invoke(main, words, env=outer)


def test_json_lines_go_to_stdout(env_file: Path) -> None:
    told = export(env_file)
    assert told.exit_code == 0, told.output
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(row["user"], row["rule"]) for row in rows] == [("UGUS", "guest"), ("UEVE", "external")]


def test_an_auditor_needs_the_database_alone(env_file: Path) -> None:
    lines = env_file.read_text().splitlines()
    env_file.write_text("\n".join(line for line in lines if line.startswith("QBOT_DATABASE_URL")))
    told = export(env_file)
    assert told.exit_code == 0, told.output
    assert len(told.stdout.splitlines()) == 2


def test_a_misspelt_setting_is_no_other_database(env_file: Path) -> None:
    env_file.write_text(env_file.read_text().replace("DATABASE_URL", "DATABASE_ULR"))
    told = export(env_file)
    assert (told.exit_code, told.stdout) == (2, "")
    assert "QBOT_DATABASE_ULR: there is no such setting" in told.stderr


def test_an_export_may_begin_later(env_file: Path) -> None:
    later = (START + timedelta(minutes=1)).isoformat()
    told = export(env_file, "--since", later, "--format", "csv")
    assert [line.split(",")[3] for line in told.stdout.splitlines()] == ["user", "UEVE"]


def test_a_sqlite_file_is_made(env_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "audit.db"
    told = export(env_file, "--format", "sqlite", "--out", str(out))
    assert told.stdout == f"{out}: 2 entries\n"
    with closing(sqlite3.connect(out)) as connection:
        assert connection.execute("select count(*) from audit").fetchone() == (2,)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "sqlite"), "--out audit.db"),
        (("--since", "soon"), "neither a day such as"),
    ],
)
def test_a_wrong_wish_is_a_sentence(env_file: Path, arguments: tuple[str, ...], said: str) -> None:
    told = export(env_file, *arguments)
    assert (told.exit_code, told.stdout) == (2, "")
    assert said in told.stderr


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T10:00+02:00", datetime(2026, 11, 20, 8, 0, tzinfo=UTC)),
        ("36h", NOW - timedelta(hours=36)),
    ],
)
def test_a_moment_is_a_day_a_time_or_an_age(text: str, meant: datetime) -> None:
    assert moment(text, NOW) == meant


def test_anything_else_is_no_moment() -> None:
    with pytest.raises(PermanentError, match="--since 'yesterday'"):
        moment("yesterday", NOW)
