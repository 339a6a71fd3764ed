"""Scripts that wait at the same moment share a commit, and nothing else."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qbot.errors import PermanentError, TransientError
from qbot.store import open_store
from qbot.store.migrations import MIGRATIONS
from qbot.store.statements import Channel, Notify, Script, alone, sql
from qbot.store.together import Job, run_together
from tests.clocks import HandClock
from tests.store.wishes import Wishes

INSERT = "insert into words(word) values(?)"


class Stopwatch:
    """Time that passes only where a script takes it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def passes(self) -> None:
        """Longer than neighbours wait for each other."""
        self.now += 1.0


@pytest.fixture
def seconds() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "words.db"


@pytest.fixture
def connection(file: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(file, isolation_level=None, timeout=0)
    opened.execute("create table words(word text primary key)")
    yield opened
    opened.close()


def words(file: Path) -> list[str]:
    """What is on the disk, as somebody else sees it."""
    other = sqlite3.connect(file)
    rows = other.execute("select word from words order by word").fetchall()
    other.close()
    return [row[0] for row in rows]


def write(*those: str, then: Exception | None = None) -> Script[str]:
    for word in those:
        yield sql(INSERT, word)
        yield Notify(Channel.WORK)
    if then:
        raise then
    return those[-1]


def write_alone(word: str) -> Script[str]:
    yield alone(INSERT, word)
    return word


async def answers(
    connection: sqlite3.Connection, *scripts: Script[str]
) -> list[str | BaseException]:
    """Run them in one go."""
    loop = asyncio.get_running_loop()
    jobs = [Job(script, loop.create_future()) for script in scripts]
    assert run_together(connection, jobs, seconds=lambda: 0.0) == len(jobs)
    assert not connection.in_transaction
    assert all(job.told == set() for job in jobs if job.error)
    for job in jobs:
        job.tell(None)
    waiting = (job.answer for job in jobs)
    got: list[str | BaseException] = await asyncio.gather(*waiting, return_exceptions=True)
    return got


async def test_many_scripts_have_one_commit(connection: sqlite3.Connection, file: Path) -> None:
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    assert await answers(connection, *(write(str(n)) for n in range(5))) == list("01234")
    assert [text for text in seen if text in ("begin immediate", "commit")] == [
        "begin immediate",
        "commit",
    ]
    assert words(file) == list("01234")


@pytest.mark.parametrize("alone_first", [True, False])
async def test_what_fails_takes_its_own_rows_with_it_and_no_others(
    connection: sqlite3.Connection, file: Path, *, alone_first: bool
) -> None:
    first = write_alone("a") if alone_first else write("a")
    bug, twice = write("b", "c", then=KeyError("bug")), write("d", "a")
    got = await answers(connection, first, bug, twice, write_alone("a"), write("e"))
    assert [type(one) for one in got] == [str, KeyError, PermanentError, PermanentError, str]
    assert words(file) == ["a", "e"]


@pytest.mark.parametrize("bug", [write, None], ids=["a second statement", "an error"])
async def test_whoever_said_that_it_has_one_statement_and_goes_on_leaves_nothing(
    connection: sqlite3.Connection, file: Path, bug: Callable[..., Script[str]] | None
) -> None:
    def wrong() -> Script[str]:
        yield alone(INSERT, "a")
        if bug is None:
            raise KeyError("bug")
        return (yield from bug("b"))

    got = await answers(connection, wrong(), write("c"))
    assert [type(one) for one in got] == [PermanentError if bug else KeyError, str]
    assert words(file) == ["c"]


async def test_where_the_commit_fails_only_those_that_ran_are_told(
    connection: sqlite3.Connection, file: Path, seconds: Stopwatch
) -> None:
    connection.execute("pragma foreign_keys = on")
    connection.execute(
        "create table letters(word text references words(word) deferrable initially deferred)"
    )

    def dangling() -> Script[str]:
        yield sql("insert into letters(word) values('nowhere')")
        seconds.passes()
        return "never"

    loop = asyncio.get_running_loop()
    jobs = [Job(s, loop.create_future()) for s in (write("a"), dangling(), write("b"))]
    assert run_together(connection, jobs, seconds=seconds) == 2
    assert [type(job.error) for job in jobs] == [PermanentError, PermanentError, type(None)]
    assert not connection.in_transaction
    assert run_together(connection, jobs[2:]) == 1
    assert words(file) == ["b"]


def test_nothing_of_the_schema_is_checked_only_by_the_commit_that_all_share() -> None:
    for migration in MIGRATIONS:
        assert "deferrable" not in " ".join(migration.statements("sqlite")).lower()


async def test_where_the_database_undoes_everything_everybody_is_told(
    connection: sqlite3.Connection, file: Path
) -> None:
    def undone() -> Script[str]:
        yield sql("insert or rollback into words(word) values('a')")
        return "never"

    loop = asyncio.get_running_loop()
    jobs = [Job(s, loop.create_future()) for s in (write("a"), undone(), write("b"))]
    assert run_together(connection, jobs) == 2  # the third is for the next time
    assert [type(job.error) for job in jobs] == [TransientError, PermanentError, type(None)]
    assert run_together(connection, jobs[2:]) == 1
    assert words(file) == ["b"]


async def test_a_file_that_somebody_holds_is_a_matter_of_waiting_for_all(
    connection: sqlite3.Connection, file: Path
) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("begin immediate")
    got = await answers(connection, write("a"), write("b"))
    other.close()
    assert [type(one) for one in got] == [TransientError] * 2
    assert words(file) == []


async def test_nobody_waits_for_a_neighbour_that_takes_long(
    connection: sqlite3.Connection, file: Path, seconds: Stopwatch
) -> None:
    def slow() -> Script[str]:
        yield sql(INSERT, "slow")
        seconds.passes()
        return "slow"

    loop = asyncio.get_running_loop()
    jobs = [Job(script, loop.create_future()) for script in (write("a"), slow(), write("b"))]
    assert run_together(connection, jobs, seconds=seconds) == 2
    assert words(file) == ["a", "slow"]


async def test_nobody_is_answered_before_the_row_is_on_the_disk(
    tmp_path: Path, clock: HandClock
) -> None:
    path = tmp_path / "qbot.db"
    database = await open_store(f"sqlite:///{path}", clock=clock)
    other = sqlite3.connect(path)

    async def create(branch: str) -> int:
        await Wishes(database).create(branch)
        found = other.execute("select count(*) from environments where branch = ?", (branch,))
        return int(found.fetchone()[0])

    assert await asyncio.gather(*(create(f"b{n}") for n in range(90))) == [1] * 90
    other.close()
    await database.close()


async def test_closing_finishes_what_was_asked_and_refuses_what_comes_after(
    tmp_path: Path, clock: HandClock
) -> None:
    url = f"sqlite:///{tmp_path}/qbot.db"
    database = await open_store(url, clock=clock)
    asked = [asyncio.create_task(Wishes(database).create(f"b{n}")) for n in range(9)]
    await asyncio.sleep(0)
    await database.close()
    assert len(await asyncio.gather(*asked)) == 9
    with pytest.raises(PermanentError, match="closed"):
        await Wishes(database).create("late")
