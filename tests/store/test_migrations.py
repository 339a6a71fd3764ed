"""From version 1 up, once, and never down."""

import asyncio
import re
from collections.abc import Iterator

import pytest

from qbot.domain.changes import Audited
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from qbot.domain.release_changes import PromotionMoved
from qbot.errors import PermanentError
from qbot.store import open_store, schema
from qbot.store.migrations import MIGRATIONS, Migration, migrate
from qbot.store.statements import Pass, Script, Turnstile, patient, sql
from tests.clocks import START, HandClock
from tests.store.promoting import CART, carried, opened
from tests.store.wishes import Wishes

NEXT = Migration(
    MIGRATIONS[-1].version + 1,
    ("alter table environments add column note text not null default 'none'",),
)


@pytest.fixture
def migrated(schemas: Iterator[str]) -> str:
    """The tables are changed here, so that no other test may have them."""
    return next(schemas)


def test_versions_count_up_from_one() -> None:
    assert [m.version for m in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


async def test_a_new_version_is_applied_once_and_keeps_what_is_there(wishes: Wishes) -> None:
    await wishes.create("feat/a")
    driver = wishes.database.driver
    assert await driver.run(migrate(driver.dialect, (*MIGRATIONS, NEXT))) == 1
    assert await driver.run(migrate(driver.dialect, (*MIGRATIONS, NEXT))) == 0
    assert await wishes.look("select branch, note from environments") == [
        {"branch": "feat/a", "note": "none"}
    ]


async def test_a_version_that_fails_leaves_nothing_behind(wishes: Wishes) -> None:
    driver = wishes.database.driver
    broken = Migration(NEXT.version, (*NEXT.common, "create nonsense"))
    with pytest.raises(PermanentError):
        await driver.run(migrate(driver.dialect, (*MIGRATIONS, broken)))
    assert await driver.run(migrate(driver.dialect, (*MIGRATIONS, NEXT))) == 1


async def test_a_database_of_a_newer_qbot_is_refused_untouched(
    database_url: str, clock: HandClock
) -> None:
    def newer() -> Script[None]:
        yield sql("insert into schema_versions(version) values(?)", MIGRATIONS[-1].version + 7)

    first = await open_store(database_url, clock=clock)
    await first.driver.run(newer())
    await first.close()
    with pytest.raises(PermanentError, match=f"schema version {MIGRATIONS[-1].version + 7}"):
        await open_store(database_url, clock=clock)


async def test_data_survives_closing_and_opening(database_url: str, clock: HandClock) -> None:
    first = await open_store(database_url, clock=clock)
    operation = await Wishes(first).create("feat/a")
    await first.close()
    second = await open_store(database_url, clock=clock)
    assert await second.store.operation(operation.id) == operation
    await second.close()


async def test_replicas_that_start_at_once_migrate_once(
    postgres_url: str, clock: HandClock
) -> None:
    opened = await asyncio.gather(*(open_store(postgres_url, clock=clock) for _ in range(3)))
    assert [await database.check() for database in opened] == ["", "", ""]
    for database in opened:
        await database.close()


async def test_a_replica_waits_for_one_that_migrates_longer_than_any_lock_is_held(
    postgres_url: str, clock: HandClock
) -> None:
    first = await open_store(postgres_url, clock=clock)

    def slowly() -> Script[None]:
        yield Pass(Turnstile.MIGRATE)
        yield patient("select pg_sleep(3.3)")  # a lock is waited for no longer than 3 s

    slow = asyncio.create_task(first.driver.run(slowly()))
    await asyncio.sleep(0.1)
    second = await open_store(postgres_url, clock=clock)
    assert slow.done()
    for database in (first, second):
        await database.close()


@pytest.mark.parametrize("migration", MIGRATIONS[1:], ids=lambda m: str(m.version))
def test_a_running_qbot_of_the_version_before_can_go_on(migration: Migration) -> None:
    """What it reads stays, and what it writes has no new column to fill: see operating.md."""
    for dialect in ("sqlite", "postgres"):
        for statement in migration.statements(dialect):
            words = " ".join(statement.split())
            assert not re.search(r"drop (table|column)|rename|set not null", words)
            if re.search(r"add column \S+ \S+ not null", words):
                assert " default " in words


async def test_when_older_promotions_were_merged_is_read_from_the_audit_log(
    wishes: Wishes, clock: HandClock
) -> None:
    claim, promotion = await opened(wishes, CART)
    merge = PromotionMoved(promotion.id, PromotionState.MERGED, "f" * 40)
    said = Audited("promotion.merged", "done", (("promotion", promotion.name),))
    await wishes.journal.commit(claim, "merge", 1, [merge, said])
    clock.advance(60)
    await wishes.journal.finish(claim, End.FAILED, "cart is Degraded.")
    driver = wishes.database.driver

    def before() -> Script[None]:
        yield sql("update promotions set merged_at = null")
        yield sql(schema.MERGES[-1])

    await driver.run(before())
    assert (await carried(wishes, claim.operation)).merged_at == START
