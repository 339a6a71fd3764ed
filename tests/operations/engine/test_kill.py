"""Real processes, really killed: nothing recorded runs again, nothing in effect is doubled."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from qbot.store import open_store
from tests.clocks import HandClock
from tests.operations.engine import worker as workers
from tests.operations.engine.worker import STEPS
from tests.preloaded import called
from tests.store.wishes import SYNC, Wishes, until

Launch = Callable[..., Awaitable[ForkServerProcess]]
OPERATIONS = 6
EFFECTS = 5  # after which a worker stands still


@pytest.fixture
async def launch(database_url: str, tmp_path: Path) -> AsyncIterator[Launch]:
    """Starts workers; none outlives the test."""
    started: list[ForkServerProcess] = []

    async def start(me: str, *how: int) -> ForkServerProcess:
        out = tmp_path / f"{me}.out"
        arguments = (database_url, tmp_path, me, *how)
        process = await asyncio.to_thread(called, workers.run, *arguments, out=out)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        await ended(process)


async def ended(process: ForkServerProcess) -> int | None:
    """Its exit status, once it has one."""
    await asyncio.to_thread(process.join)
    return process.exitcode


def lines(folder: Path) -> list[list[str]]:
    log = folder / "log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


async def submit(url: str, clock: HandClock) -> None:
    database = await open_store(url, clock=clock)
    wishes = Wishes(database)
    for number in range(OPERATIONS // 2):
        create = await wishes.create(f"b{number}")
        await wishes.submit(create.env, SYNC)
    await database.close()


async def grown(folder: Path, length: int) -> None:
    async def look() -> bool:
        return len(lines(folder)) >= length

    await until(look, seconds=90)


async def test_killed_again_and_again_every_operation_ends_and_no_effect_is_doubled(
    database_url: str, launch: Launch, tmp_path: Path, clock: HandClock
) -> None:
    await submit(database_url, clock)
    for kill, effects in enumerate((3, 11, 6)):
        worker = await launch(f"w{kill}")
        await grown(tmp_path, len(lines(tmp_path)) + effects)
        worker.kill()
        await ended(worker)
    last = await launch("last")
    assert await ended(last) == 0, (tmp_path / "last.out").read_text()
    made = Counter(name for _, name in lines(tmp_path))
    assert len(made) == OPERATIONS * STEPS
    # The line is written before the file: dying between the two shows as a second line only.
    assert sum(made.values()) - len(made) <= 3 * OPERATIONS
    database = await open_store(database_url, clock=clock)
    rows = await Wishes(database).look("select op_id, count(*) as n from op_steps group by op_id")
    assert [row["n"] for row in rows] == [STEPS] * OPERATIONS
    await database.close()


async def stopped(pid: int) -> None:
    async def look() -> bool:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    await until(look, seconds=90)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_frozen_and_thawed_after_the_takeover_a_worker_does_nothing_more(
    database_url: str, launch: Launch, tmp_path: Path, clock: HandClock
) -> None:
    await submit(database_url, clock)
    frozen = await launch("frozen", EFFECTS)
    pid = frozen.pid
    assert pid is not None
    await stopped(pid)
    other = await launch("other")
    assert await ended(other) == 0, (tmp_path / "other.out").read_text()
    os.kill(pid, signal.SIGCONT)

    async def noticed() -> bool:
        said = (tmp_path / "frozen.out").read_text()
        return "operation interrupted" in said or "operation lost" in said

    await until(noticed, seconds=90)
    assert sum(me == "frozen" for me, _ in lines(tmp_path)) == EFFECTS
    made = Counter(name for _, name in lines(tmp_path))
    assert len(made) == OPERATIONS * STEPS


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_workers_share_the_work_and_survive_each_other(
    database_url: str, launch: Launch, tmp_path: Path, clock: HandClock
) -> None:
    await submit(database_url, clock)
    workers = [await launch(f"w{n}") for n in range(2)]
    await grown(tmp_path, 6)
    workers[0].kill()
    assert await ended(workers[1]) == 0, (tmp_path / "w1.out").read_text()
    made = Counter(name for _, name in lines(tmp_path))
    assert len(made) == OPERATIONS * STEPS
