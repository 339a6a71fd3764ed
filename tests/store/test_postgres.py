"""What is PostgreSQL's alone: replicas, outages, a frozen neighbour, secrets in URLs."""

import asyncio

import asyncpg
import pytest

from qbot.domain.operation import Claim
from qbot.errors import PermanentError, TransientError
from qbot.store import open_store
from qbot.store.postgres import translated
from qbot.store.statements import Script, alone, sql
from tests.clocks import HandClock
from tests.postgres import PostgresServer
from tests.store.wishes import BEN, WORKER, Wishes, ids, until


def test_parameters_are_numbered_and_marks_translated() -> None:
    assert translated("select ? from t o where x < {NOW} - ? {SKIP}") == (
        "select $1 from t o where x < extract(epoch from clock_timestamp())::double precision - $2 "
        "for update of o skip locked"
    )


async def test_commits_of_one_replica_wake_the_others(postgres_url: str, clock: HandClock) -> None:
    one, two = [await open_store(postgres_url, clock=clock) for _ in range(2)]
    heard = {"work": asyncio.Event(), "cancel": asyncio.Event(), "cards": asyncio.Event()}
    two.journal.listen(work=heard["work"].set, cancel=heard["cancel"].set)
    two.subscribe(heard["cards"].set)
    async with asyncio.timeout(5):
        for event in heard.values():  # every new connection wakes everybody once
            await event.wait()
            event.clear()
        wishes = Wishes(one)
        create = await wishes.create("a")
        await heard["work"].wait()
        await heard["cards"].wait()
        assert not heard["cancel"].is_set()
        await wishes.claim()
        await wishes.journal.request_cancel(create.id, BEN)
        await heard["cancel"].wait()
    await one.close()
    await two.close()


async def test_a_script_that_goes_on_after_its_only_statement_is_told_so(
    postgres_url: str, clock: HandClock
) -> None:
    def wrong() -> Script[None]:
        yield alone("select 1 as one")
        yield sql("select 2 as two")

    database = await open_store(postgres_url, clock=clock)
    with pytest.raises(PermanentError, match="went on after its only statement"):
        await database.driver.run(wrong())
    await database.close()


async def test_a_replica_frozen_in_a_transaction_holds_nobody_up(
    postgres_server: PostgresServer, postgres_url: str, clock: HandClock
) -> None:
    database = await open_store(postgres_url, clock=clock)
    wishes = Wishes(database)
    await wishes.create("frozen")
    other = await wishes.create("b")
    frozen = await asyncpg.connect(postgres_url)
    transaction = frozen.transaction()
    await transaction.start()
    await frozen.execute("select * from operations where env_id <> $1 for update", other.env)
    await wishes.beat(WORKER)
    assert ids(await wishes.claim()) == [other.id]
    assert (await wishes.beat("worker-b")).taken_over == 0
    await transaction.rollback()
    await frozen.close()
    await database.close()


async def test_an_idle_transaction_of_a_frozen_replica_ends_by_itself(
    postgres_url: str, clock: HandClock
) -> None:
    database = await open_store(postgres_url, clock=clock)
    wishes = Wishes(database)
    create = await wishes.create("a")
    limits = {"idle_in_transaction_session_timeout": "100"}
    frozen = await asyncpg.connect(postgres_url, server_settings=limits)
    await hold_all(frozen)
    assert ids(await until(wishes.claim)) == [create.id]
    frozen.terminate()
    await database.close()


async def test_a_replica_frozen_between_preparing_and_running_is_cut_by_a_beat(
    postgres_url: str, clock: HandClock
) -> None:
    database = await open_store(postgres_url, clock=clock)
    wishes = Wishes(database)
    create = await wishes.create("a")
    frozen = await asyncpg.connect(postgres_url, server_settings={"application_name": "qbot"})
    await hold_all(frozen)
    await frozen.prepare("select 1")

    async def claimed_after_a_beat() -> list[Claim]:
        await wishes.beat("worker-b")
        return await wishes.claim("worker-b")

    assert ids(await until(claimed_after_a_beat)) == [create.id]
    frozen.terminate()
    await database.close()


async def hold_all(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.execute("begin")
    await connection.execute("select pg_advisory_xact_lock(4713)")  # as a claim does
    await connection.execute("select * from operations for update")


async def test_sessions_give_up_locks_and_idle_transactions(
    postgres_url: str, clock: HandClock
) -> None:
    database = await open_store(postgres_url, clock=clock)
    wishes = Wishes(database)
    for setting in ("lock_timeout", "idle_in_transaction_session_timeout"):
        (row,) = await wishes.look(f"show {setting}")
        assert row[setting] == "3s"
    await database.close()


async def test_a_server_that_is_away_is_waited_for_and_comes_back(clock: HandClock) -> None:
    server = PostgresServer()
    database = await open_store(server.url(), clock=clock)
    wishes = Wishes(database)
    await wishes.create("a")
    server.crash()
    with pytest.raises(TransientError):
        await wishes.create("b")
    assert "does not answer" in await database.check()
    with pytest.raises(TransientError, match="does not answer: no such file"):
        await open_store(server.url(), clock=clock)
    server.start()

    async def back() -> bool:
        return not await database.check()

    await until(back)
    await wishes.create("b")
    await database.close()
    server.stop()


async def test_a_password_shows_in_no_error(
    postgres_server: PostgresServer, clock: HandClock
) -> None:
    urls = [
        postgres_server.url().replace("qbot@", "qbot:hunter2@").replace("/postgres?", "/none?"),
        "postgresql://qbot:hunter2@127.0.0.1:1/x",
        "postgresql://qbot:hunter2@localhost:not-a-port/x",
    ]
    for url in urls:
        with pytest.raises((PermanentError, TransientError)) as refused:
            await open_store(url, clock=clock)
        error: BaseException | None = refused.value
        while error:
            assert "hunter2" not in f"{error!r} {error}"
            error = error.__cause__
