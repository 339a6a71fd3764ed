"""What is SQLite's alone."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from qbot.errors import PermanentError, TransientError
from qbot.store import open_store
from tests.clocks import HandClock
from tests.store.wishes import Wishes, ids


def test_a_second_process_is_refused_with_the_first_ones_number(
    tmp_path: Path, clock: HandClock
) -> None:
    async def open_and_close() -> None:
        await (await open_store(f"sqlite:///{tmp_path}/qbot.db", clock=clock)).close()

    hold = f"import fcntl,os,sys;f=open({str(tmp_path / 'qbot.db.lock')!r},'w');fcntl.flock(f,2)"
    tell = "f.write(str(os.getpid()));f.flush();print('held',flush=True);sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", f"{hold};{tell}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(PermanentError, match=f"process {other.pid}"):
            asyncio.run(open_and_close())
        other.kill()
    asyncio.run(open_and_close())


async def test_the_same_process_cannot_open_it_twice_either(
    tmp_path: Path, clock: HandClock
) -> None:
    url = f"sqlite:///{tmp_path}/qbot.db"
    database = await open_store(url, clock=clock)
    with pytest.raises(PermanentError, match="SQLite serves one process"):
        await open_store(url, clock=clock)
    await database.close()
    await (await open_store(url, clock=clock)).close()


async def test_what_a_dead_process_ran_is_claimable_at_once(
    tmp_path: Path, clock: HandClock
) -> None:
    url = f"sqlite:///{tmp_path}/qbot.db"
    first = await open_store(url, clock=clock)
    wishes = Wishes(first)
    create = await wishes.create("a")
    await wishes.beat()
    await wishes.claim()
    await first.cards.lead("dead", 30)
    await first.close()
    second = await open_store(url, clock=clock)
    (claim,) = await Wishes(second).claim("another")
    assert (ids([claim]), claim.resumed) == ([create.id], True)
    assert await second.cards.lead("another", 30)
    await second.close()


async def test_every_commit_is_on_disk_and_readers_do_not_block(
    tmp_path: Path, clock: HandClock
) -> None:
    database = await open_store(f"sqlite:///{tmp_path}/qbot.db", clock=clock)
    wishes = Wishes(database)
    assert await wishes.look("pragma journal_mode") == [{"journal_mode": "wal"}]
    assert await wishes.look("pragma synchronous") == [{"synchronous": 2}]
    assert await wishes.look("pragma foreign_keys") == [{"foreign_keys": 1}]
    await database.close()


async def test_a_file_that_another_program_holds_is_a_matter_of_waiting(
    tmp_path: Path, clock: HandClock
) -> None:
    path = tmp_path / "qbot.db"
    database = await open_store(f"sqlite:///{path}", clock=clock)
    wishes = Wishes(database)
    await wishes.look("pragma busy_timeout = 20")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(TransientError, match="locked"):
        await wishes.create("a")
    other.execute("rollback")
    other.close()
    await wishes.create("a")
    await database.close()


async def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path, clock: HandClock) -> None:
    with pytest.raises(PermanentError, match="nowhere"):
        await open_store(f"sqlite:///{tmp_path}/nowhere/qbot.db", clock=clock)
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be mistaken for one" * 100)
    with pytest.raises(PermanentError, match=r"notes\.txt"):
        await open_store(f"sqlite:///{text}", clock=clock)


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://x", "mysql://root:hunter2@db/x", ""])
async def test_another_url_is_refused_without_showing_it(url: str, clock: HandClock) -> None:
    with pytest.raises(PermanentError, match="QBOT_DATABASE_URL") as refused:
        await open_store(url, clock=clock)
    assert "hunter2" not in str(refused.value)


async def test_a_caller_that_gives_up_leaves_the_database_usable(
    tmp_path: Path, clock: HandClock
) -> None:
    database = await open_store(f"sqlite:///{tmp_path}/qbot.db", clock=clock)
    wishes = Wishes(database)
    tasks = [asyncio.create_task(wishes.create(f"b{n}")) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(await wishes.look("select id from environments")) >= 10
    await database.close()


@pytest.mark.parametrize("mask", [0o022, 0o000])
async def test_what_is_made_is_for_its_owner_alone(
    tmp_path: Path, clock: HandClock, mask: int
) -> None:
    before = os.umask(mask)
    try:
        database = await open_store(f"sqlite:///{tmp_path}/qbot.db", clock=clock)
    finally:
        os.umask(before)
    made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    await database.close()
    assert set(made) > {"qbot.db", "qbot.db.lock", "qbot.db-wal"}
    assert set(made.values()) == {0o600}


async def test_a_folder_that_is_missing_is_named(tmp_path: Path, clock: HandClock) -> None:
    with pytest.raises(PermanentError, match=f"no folder {tmp_path}/none .*QBOT_DATABASE_URL"):
        await open_store(f"sqlite:///{tmp_path}/none/qbot.db", clock=clock)
