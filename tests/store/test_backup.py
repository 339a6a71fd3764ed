"""A copy of the SQLite file while Qbot writes to it, and putting one back."""

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from types import BuiltinFunctionType, FrameType

import pytest

from qbot.errors import PermanentError
from qbot.store import Database, open_store
from qbot.store.backup import back_up, checked, restore
from qbot.store.shape import VERSION
from tests.clocks import START, HandClock
from tests.postgres import PostgresServer
from tests.store.wishes import Wishes


@pytest.fixture
async def running(tmp_path: Path) -> Database:
    return await open_store(f"sqlite:///{tmp_path}/qbot.db", clock=HandClock())


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def branches(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [b for (b,) in connection.execute("select branch from environments order by 1")]


async def test_a_backup_has_what_was_written_up_to_now(running: Database, tmp_path: Path) -> None:
    out = tmp_path / "backup.db"
    await Wishes(running).create("feat/a")
    found = back_up(tmp_path / "qbot.db", out)
    await Wishes(running).create("feat/b")
    await running.close()
    assert (found.where, found.version) == (str(out), VERSION)
    assert branches(out) == ["feat/a"]
    assert files(tmp_path) == ["backup.db", "qbot.db"]
    assert out.stat().st_mode & 0o077 == 0


async def test_a_backup_amid_writes_is_sound_and_of_one_moment(
    running: Database, tmp_path: Path
) -> None:
    wishes, over = Wishes(running), asyncio.Event()

    async def write() -> None:
        number = 0
        while not over.is_set():
            await wishes.create(f"feat/{(number := number + 1)}")

    writing = asyncio.create_task(write())
    backups = []
    for number in range(3):
        out = tmp_path / f"{number}.db"
        backups.append((out, await asyncio.to_thread(back_up, tmp_path / "qbot.db", out)))
    over.set()
    await writing
    await running.close()
    for out, found in backups:
        assert checked(out).rows == found.rows
        with closing(sqlite3.connect(out)) as connection:
            (one,) = connection.execute("select count(*) from environments").fetchone()
            (other,) = connection.execute("select count(*) from operations").fetchone()
        assert one == other  # a create writes both at once


async def test_a_backup_does_not_write_over_another_one(running: Database, tmp_path: Path) -> None:
    await running.close()
    out = tmp_path / "backup.db"
    out.write_text("precious")
    with pytest.raises(PermanentError, match="is there already"):
        back_up(tmp_path / "qbot.db", out)
    assert out.read_text() == "precious"
    with pytest.raises(PermanentError, match="There is no database"):
        back_up(tmp_path / "none.db", tmp_path / "other.db")
    with pytest.raises(PermanentError, match="cannot write"):
        back_up(tmp_path / "qbot.db", tmp_path / "no" / "folder.db")


async def test_what_was_there_before_is_kept_aside(running: Database, tmp_path: Path) -> None:
    path, out = tmp_path / "qbot.db", tmp_path / "backup.db"
    await Wishes(running).create("feat/a")
    back_up(path, out)
    await Wishes(running).create("feat/b")
    await running.close()
    found, before = restore(out, path, START)
    assert found.where == str(path)
    assert before == tmp_path / "qbot.db.20260105T090000Z"
    assert branches(path) == ["feat/a"]
    assert branches(before) == ["feat/a", "feat/b"]
    again = await open_store(f"sqlite:///{path}", clock=HandClock())
    assert await again.store.find("feat/a")
    assert not await again.store.find("feat/b")
    await again.close()


async def test_into_a_database_that_is_in_use_nothing_is_restored(
    running: Database, tmp_path: Path
) -> None:
    path, out = tmp_path / "qbot.db", tmp_path / "backup.db"
    back_up(path, out)
    with pytest.raises(PermanentError, match=r"another Qbot .* would be lost"):
        restore(out, path, START)
    await running.close()
    assert files(tmp_path) == ["backup.db", "qbot.db"]


async def test_where_nothing_was_a_backup_is_put(running: Database, tmp_path: Path) -> None:
    await Wishes(running).create("feat/a")
    await running.close()
    (tmp_path / "new").mkdir()
    assert restore(tmp_path / "qbot.db", tmp_path / "new" / "qbot.db", START)[1] is None
    assert branches(tmp_path / "new" / "qbot.db") == ["feat/a"]


@contextmanager
def left_by_a_kill(folder: Path, copies: Path) -> Iterator[list[Path]]:
    """What is there before each step that names a file, and after the last one."""
    left: list[Path] = []

    def look() -> None:
        left.append(shutil.copytree(folder, copies / str(len(left))))

    def called(_frame: FrameType, event: str, what: object) -> None:
        name = what.__name__ if isinstance(what, BuiltinFunctionType) else ""
        if event == "c_call" and name in ("replace", "link", "unlink"):
            look()

    sys.setprofile(called)
    try:
        yield left
    finally:
        sys.setprofile(None)
    look()


async def test_whenever_a_restore_is_killed_a_whole_database_is_there_and_it_can_be_repeated(
    running: Database, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path / "backup.db"
    await Wishes(running).create("feat/a")
    back_up(tmp_path / "qbot.db", out)
    await Wishes(running).create("feat/b")
    await running.close()
    before, after = ["feat/a", "feat/b"], ["feat/a"]
    with left_by_a_kill(tmp_path, tmp_path_factory.mktemp("killed")) as left:
        restore(out, tmp_path / "qbot.db", START)
    there = [branches(folder / "qbot.db") for folder in left if (folder / "qbot.db").exists()]
    assert len(there) == len(left) > there.index(after) > 1
    assert there == sorted(there, key=len, reverse=True)
    for folder in {tuple(files(folder)): folder for folder in left}.values():
        _, aside = restore(folder / "backup.db", folder / "qbot.db", START + timedelta(minutes=1))
        assert branches(folder / "qbot.db") == after
        assert aside
        kept = [branches(each) for each in folder.glob("qbot.db.2026*")]
        assert before in kept
        assert len(files(folder)) == 2 + len(kept)


def damage(path: Path) -> None:
    """In the middle, as a disk does it."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\x5a" * 8192)


async def test_what_is_damaged_or_a_newer_qbots_is_neither_backed_up_nor_restored(
    running: Database, tmp_path: Path
) -> None:
    path = tmp_path / "qbot.db"
    for number in range(40):
        await Wishes(running).create(f"feat/{number}")
    await running.close()
    newer, bad = tmp_path / "newer.db", tmp_path / "bad.db"
    back_up(path, newer)
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("insert into schema_versions values(?)", (VERSION + 1,))
    back_up(path, bad)
    damage(bad)
    before = path.read_bytes()
    for source, says in ((newer, "this Qbot knows versions up to"), (bad, "bad.db")):
        with pytest.raises(PermanentError, match=says):
            restore(source, path, START)
        with pytest.raises(PermanentError, match=says):
            checked(source)
    with pytest.raises(PermanentError):
        back_up(bad, tmp_path / "copy.db")
    assert path.read_bytes() == before
    assert "copy.db" not in files(tmp_path)


async def test_a_damaged_file_is_kept_and_the_new_one_never_sees_its_log(
    running: Database, tmp_path: Path
) -> None:
    path, out = tmp_path / "qbot.db", tmp_path / "backup.db"
    await Wishes(running).create("feat/a")
    back_up(path, out)
    await running.close()
    path.write_text("Dear diary, " * 99)
    path.with_name("qbot.db-wal").write_text("and so on")
    _, aside = restore(out, path, START)
    assert aside
    assert aside.read_text().startswith("Dear diary")
    assert not {"qbot.db-wal", "qbot.db-shm"} & {*files(tmp_path)}
    assert branches(path) == ["feat/a"]


async def test_what_another_program_reads_is_not_replaced(
    running: Database, tmp_path: Path
) -> None:
    path, out = tmp_path / "qbot.db", tmp_path / "backup.db"
    back_up(path, out)
    await Wishes(running).create("feat/a")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from environments").fetchone()
        await Wishes(running).create("feat/b")
        await running.close()
        with pytest.raises(PermanentError, match="Another program reads"):
            restore(out, path, START)
    assert branches(path) == ["feat/a", "feat/b"]
    assert files(tmp_path) == ["backup.db", "qbot.db"]


async def test_a_server_is_dumped_and_restored_by_its_own_programs(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    if not (postgres_server._programs / "pg_restore").exists():
        pytest.skip("no pg_dump beside this server")
    running = await open_store(postgres_url, clock=HandClock())
    await Wishes(running).create("feat/a")
    schema = postgres_url.rpartition("=")[2]
    account = ("--host", postgres_server._root, "--username", "qbot")
    dump = postgres_server._root / "qbot.dump"
    postgres_server._run(
        "pg_dump", *account, "--format=custom", f"--schema={schema}", f"--file={dump}", "postgres"
    )
    before = await copied(running)
    await running.close()
    postgres_server.sql("create database restored")
    postgres_server._run(
        "pg_restore", *account, "--no-owner", "--exit-on-error", "--dbname=restored", dump
    )
    again = await open_store(postgres_url.replace("/postgres?", "/restored?"), clock=HandClock())
    assert await copied(again) == before
    assert (await Wishes(again).create("feat/b")).env
    await again.close()


async def copied(database: Database) -> list[dict[str, object]]:
    return await Wishes(database).look("select * from operations order by seq")
