"""`qbot store copy`: whatever was kept is kept, and every question has the same answer."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qbot.domain.names import BranchName, ServiceName
from qbot.domain.people import Actor
from qbot.domain.promotion import PromotionState
from qbot.errors import PermanentError
from qbot.store import Database, open_store, queue
from qbot.store.copying import compared, copy, fitted
from qbot.store.postgres import TURNSTILES
from qbot.store.shape import VERSION, Column, Table, tables
from qbot.store.statements import Script, Turnstile, sql
from qbot.store.urls import shown
from tests.amounts import examples
from tests.clocks import START, HandClock
from tests.store.promoting import PRODUCTION, begun
from tests.store.test_upgrade import environment, in_the_way, promotion
from tests.store.wishes import ANA, BEN, SYNC, Wishes

WAYS = [("sqlite", "postgres"), ("postgres", "sqlite"), ("sqlite", "sqlite")]


def url_of(kind: str, folder: Path, schemas: Iterator[str], name: str = "a") -> str:
    return f"sqlite:///{folder}/{name}.db" if kind == "sqlite" else next(schemas)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await open_store(url, clock=HandClock())
    await database.driver.run(queue.free_all())  # as after a lease: nobody of before is there
    yield database
    await database.close()


async def fill(url: str) -> None:
    """Environments, operations in flight, promotions, people: all by the store's own ways."""
    async with opened(url) as database:
        wishes = Wishes(database)
        await environment(wishes)
        await wishes.submit(await wishes.living("fix/größe-🚢"), SYNC)
        await begun(wishes, ServiceName("resolving"))
        await promotion(wishes, "open", PromotionState.OPEN)
        await promotion(wishes, "done", PromotionState.DONE, "f" * 40)
        await in_the_way(wishes)
        await database.audit.turned_away(Actor("T1", "UÉVE"), "guest", "C1")
        await database.reaper.pause(BEN, "we look", rule="admin")
        await database.homes.opened(ANA)
        await database.journal.beat("worker-a", (), lease=0.0)


async def answers(url: str) -> dict[str, Any]:
    """Of everything that commands, pages and loops ask."""
    async with opened(url) as database:
        store, releases, branches = database.store, database.promotions, database.branches
        found: dict[str, Any] = {
            "environments": (living := await store.environments()),
            "figures": await database.figures(),
            "promotions": (moves := await releases.promotions(None, limit=50)),
            "places": await releases.places(PRODUCTION),
            "locks": await releases.locks(),
            "awaited": await releases.awaited(),
            "freezes": await releases.freezes(),
            "holds": await releases.holds(),
            "accounts": await releases.accounts([ANA, BEN]),
            "behind": await database.cards.behind(),
            "running": await database.cards.running(),
            "facts": await branches.facts([BranchName("feat/a")]),
            "pause": await database.reaper.paused(),
            "known": await database.reaping.known(),
            "viewers": await database.homes.viewers(),
            "done": await database.digests.done(START - timedelta(days=1), START),
            "stray": await database.orphans.known(),
        }
        for one in living:
            env = one.environment.id
            found[f"environment {env}"] = await store.environment(env)
            found[f"operations {env}"] = await store.operations(env, limit=9)
            found[f"sets {env}"] = await store.ready_sets(env)
        for move in moves:
            found[move.name] = (await releases.approvals(move.id), await releases.changes(move.id))
        return found


@pytest.mark.parametrize("way", WAYS, ids="-to-".join)
async def test_a_copy_answers_as_its_source_does_and_goes_on_from_there(
    way: tuple[str, str], tmp_path: Path, schemas: Iterator[str]
) -> None:
    source, target = (url_of(k, tmp_path, schemas, n) for k, n in zip(way, "ab", strict=True))
    await fill(source)
    done = {one.table: one for one in await copy(source, target, force=False)}
    assert {t for t, one in done.items() if one.rows} >= {"environments", "operations", "audit"}
    assert done.keys() == {table.name for table in tables()}
    assert not sum(one.replaced for one in done.values())
    before = await answers(source)
    assert await answers(target) == before
    async with opened(target) as database:
        wishes = Wishes(database)
        seqs = await wishes.look("select max(seq) as seq from operations")
        claims = await wishes.claim(limit=50)
        assert claims  # what was in flight goes on
        operation = await wishes.create("feat/afterwards")
        (row,) = await wishes.look("select seq from operations where id = ?", operation.id)
        assert row["seq"] > seqs[0]["seq"]


async def test_a_copy_and_its_copy_have_the_same_checksums(
    tmp_path: Path, schemas: Iterator[str]
) -> None:
    first, middle, last = f"sqlite:///{tmp_path}/a.db", next(schemas), f"sqlite:///{tmp_path}/b.db"
    await fill(first)
    there = await copy(first, middle, force=False)
    assert await copy(middle, last, force=False) == there


def texts() -> st.SearchStrategy[str]:
    odd = st.sampled_from(["\0", "a\0b", "\N{REPLACEMENT CHARACTER}", "\\", "\t\r\n", "null", ""])
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | odd


def value(column: Column) -> st.SearchStrategy[Any]:
    if column.name in ODD.key:
        return texts().map(lambda text: text.replace("\0", ""))
    if column.kind == "text":
        return texts()
    most = {"integer": 2**31, "bigint": 2**63}[column.kind]
    return st.integers(-most, most - 1) | st.sampled_from([most - 1, -most, 0])


ODD = next(table for table in tables() if table.name == "people_links")
ROWS = st.lists(
    st.tuples(*(value(column) for column in ODD.columns)),
    max_size=20,
    unique_by=lambda row: row[0],
)


async def put(url: str, rows: Sequence[tuple[Any, ...]]) -> None:
    def script() -> Script[None]:
        for row in rows:
            marks = ", ".join("?" * len(row))
            yield sql(f"insert into people_links({', '.join(ODD.names)}) values({marks})", *row)

    async with opened(url) as database:
        await database.driver.run(script())


@given(rows=ROWS)
@settings(max_examples=examples(3))
def test_whatever_a_column_can_hold_arrives(
    rows: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory, schemas: Iterator[str]
) -> None:
    folder = tmp_path_factory.mktemp("odd")

    async def there_and_back() -> None:
        first, last = f"sqlite:///{folder}/a.db", f"sqlite:///{folder}/b.db"
        await put(first, rows)
        middle = next(schemas)
        done = await copy(first, middle, force=False)
        (odd,) = [one for one in done if one.table == ODD.name]
        assert odd.replaced == sum(any("\0" in str(v) for v in row) for row in rows)
        await copy(middle, last, force=False)
        with closing(sqlite3.connect(f"{folder}/b.db")) as connection:
            found = connection.execute(f"select {', '.join(ODD.names)} from people_links")  # noqa: S608 (constants)
            assert set(found) == {fitted(ODD, row, keeps_nul=False) for row in rows}

    asyncio.run(there_and_back())


async def rows_of(url: str, table: str) -> int:
    async with opened(url) as database:
        (row,) = await Wishes(database).look(f"select count(*) as n from {table}")  # noqa: S608 (constants)
        return int(row["n"])


async def test_a_target_with_rows_is_left_alone(tmp_path: Path, postgres_url: str) -> None:
    source = f"sqlite:///{tmp_path}/a.db"
    await fill(source)
    async with opened(postgres_url) as database:
        await database.homes.opened(BEN)
    with pytest.raises(PermanentError, match=r"is not empty: homes has rows"):
        await copy(source, postgres_url, force=False)
    assert await rows_of(postgres_url, "operations") == 0
    with pytest.raises(PermanentError, match=r"a\.db is there already"):
        await copy(postgres_url, source, force=False)


async def test_a_database_in_use_is_copied_only_by_force(tmp_path: Path, postgres_url: str) -> None:
    file, out = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/out.db"
    async with opened(file), opened(postgres_url) as server:
        await server.journal.beat("worker-a", (), lease=60.0)
        with pytest.raises(PermanentError, match=r"another Qbot .* With --force"):
            await copy(file, out, force=False)
        with pytest.raises(PermanentError, match=r"A Qbot uses .* With --force"):
            await copy(postgres_url, out, force=False)
        with pytest.raises(PermanentError, match=r"A Qbot uses .* at rest"):
            await copy(file, postgres_url, force=True)
        assert not (tmp_path / "out.db").exists()
        assert await copy(postgres_url, out, force=True)


async def queued(connection: "asyncpg.Connection[asyncpg.Record]", many: int) -> None:
    """As soon as so many wait for their turn."""
    text = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    while await connection.fetchval(text) < many:
        continue


@pytest.mark.parametrize("force", [False, True])
async def test_a_qbot_that_begins_amid_the_copy_is_noticed(
    schemas: Iterator[str], *, force: bool
) -> None:
    source, target = next(schemas), next(schemas)
    async with opened(source) as server:
        holder = await asyncpg.connect(source)
        await holder.fetch("select pg_advisory_lock($1)", TURNSTILES[Turnstile.MIGRATE])
        copying = asyncio.create_task(copy(source, target, force=force))
        await queued(holder, 1)  # it has looked at the source, and opens the target
        await server.journal.beat("worker-a", (), lease=60.0)
        await holder.close()
        if force:
            assert await copying
        else:
            with pytest.raises(PermanentError, match=r"A Qbot uses .* With --force"):
                await copying


async def test_a_target_that_is_filled_while_the_copy_waits_for_its_turn_is_left_alone(
    tmp_path: Path, postgres_url: str
) -> None:
    source, turn = f"sqlite:///{tmp_path}/a.db", TURNSTILES[Turnstile.MIGRATE]
    async with opened(source), opened(postgres_url):
        pass
    async with AsyncExitStack() as stack:
        first, second = [await asyncpg.connect(postgres_url) for _ in range(2)]
        for connection in (first, second):
            stack.push_async_callback(connection.close)
        await first.fetch("select pg_advisory_lock($1)", turn)
        copying = asyncio.create_task(copy(source, postgres_url, force=False))
        await queued(first, 1)
        filling = asyncio.create_task(second.fetch("select pg_advisory_lock($1)", turn))
        await queued(first, 2)
        await first.fetch("select pg_advisory_unlock($1)", turn)
        await filling
        await queued(first, 1)  # the copy again: the schema is there, now it wants to write
        await second.execute("insert into people_links values('T1:UANA', 1, 'ana', '2026')")
        await second.fetch("select pg_advisory_unlock($1)", turn)
        with pytest.raises(PermanentError, match="is not empty: people_links has rows"):
            await copying


@pytest.mark.parametrize("way", WAYS[:2], ids="-to-".join)
async def test_another_version_is_not_copied(
    way: tuple[str, str], tmp_path: Path, schemas: Iterator[str]
) -> None:
    source, target = (url_of(k, tmp_path, schemas, n) for k, n in zip(way, "ab", strict=True))

    def older() -> Script[None]:
        yield sql("delete from schema_versions where version = ?", VERSION)

    async with opened(source) as database:
        await database.driver.run(older())
    with pytest.raises(PermanentError, match=f"has schema version {VERSION - 1}, and this Qbot"):
        await copy(source, target, force=False)


async def test_what_is_no_database_is_said(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "text.db").write_text("Dear diary, " * 99)
    for url, says in (
        (f"sqlite:///{tmp_path}/none.db", "There is no database"),
        (f"sqlite:///{tmp_path}/text.db", "cannot read the database"),
        (postgres_url, "is no database of Qbot's"),
    ):
        with pytest.raises(PermanentError, match=says):
            await copy(url, f"sqlite:///{tmp_path}/out.db", force=False)
    assert sorted(p.name for p in tmp_path.glob("out*")) == []


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        (
            "postgresql://qbot:hunter2@db.example.com:5433/qbot?sslmode=require",
            "db.example.com:5433/qbot",
        ),
        ("postgresql://qbot:hunter2/@db/qbot", "db/qbot"),
        ("postgresql://qbot:@hunter2@db/qbot", "db/qbot"),
        ("postgresql://qbot:x?hunter2@db/qbot", "PostgreSQL"),
        ("postgresql://db/qbot?password=hunter2", "db/qbot"),
        ("postgresql:///qbot?password=hunter2", "localhost/qbot"),
        ("sqlite:////data/qbot.db", "/data/qbot.db"),
    ],
)
def test_what_is_shown_of_a_url_has_no_password(url: str, seen: str) -> None:
    assert shown(url) == seen


async def test_no_error_tells_a_password(tmp_path: Path) -> None:
    for url in ("postgresql://qbot:hunter2@[/x", "mysql://qbot:hunter2@db/x"):
        with pytest.raises(PermanentError) as refused:
            await copy(url, f"sqlite:///{tmp_path}/b.db", force=False)
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("T1:UANA", 2**63, "ana", "2026"), r"gitlab_id of row 'T1:UANA' has a number too big"),
        (("T1:\0", 1, "ana", "2026"), r"actor of row 'T1:\\x00' has a NUL"),
    ],
)
def test_what_no_column_can_hold_is_named_by_its_row(row: tuple[Any, ...], says: str) -> None:
    with pytest.raises(PermanentError, match=f"people_links.{says}"):
        fitted(ODD, row, keeps_nul=False)


class Side:
    """Gives these rows, whatever was written."""

    keeps_nul = True
    shown = "nowhere"

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self._rows = rows

    async def rows(self, table: Table) -> AsyncGenerator[Sequence[tuple[Any, ...]]]:
        for row in self._rows:
            yield [row]

    async def last(self, table: Table) -> int:
        return 0

    async def still(self) -> None:
        raise NotImplementedError

    async def write(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        raise NotImplementedError

    async def count_on(self, table: Table, last: int) -> None:
        raise NotImplementedError

    async def keep(self) -> None:
        raise NotImplementedError


A, B, C = (("T1:A", 1, "a", "x"), ("T1:B", 2, "b", "y"), ("T1:C", 2, "c", "z"))


@pytest.mark.parametrize(
    ("arrived", "row"), [((A,), "B"), ((A, B, C), "C"), ((A, (*B[:3], "Y")), "B"), ((), "A")]
)
async def test_a_copy_that_differs_in_one_row_is_refused(
    arrived: tuple[tuple[Any, ...], ...], row: str
) -> None:
    with pytest.raises(PermanentError, match=f"people_links: row 'T1:{row}' is not the same"):
        await compared(Side(A, B), Side(*arrived), ODD)
    assert (await compared(Side(A, B), Side(A, B), ODD)).rows == 2
