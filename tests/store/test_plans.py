"""What the engine and the lists ask all day reads no table whole, however long it has grown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from qbot.domain.names import BranchName, EnvId, ProjectPath, ServiceName
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import PromotionKind, PromotionState
from qbot.store import Database
from qbot.store.branch_rows import SqlBranches
from qbot.store.cards import SqlCards
from qbot.store.figures import figures
from qbot.store.housekeeping import forget_cards, forget_deliveries, forget_work
from qbot.store.journal import SqlJournal
from qbot.store.reads import SqlStore
from qbot.store.releases import SqlPromotions
from qbot.store.statements import Alone, Channel, Driver, Query, Script, T, sql
from tests.clocks import HandClock
from tests.store.promoting import CART, PRODUCTION
from tests.store.wishes import ANA, SYNC, WORKER, Wishes

# The indexes of the living, of what is behind and of what is gone leave out most; workers are few,
# and so are what is missing in Argo CD and whose owners were warned.
SHORT = (
    "environments_name",
    "environments_branch",
    "environment_services_gone",
    "cards_behind",
    "cards_newer",
    "CONSTANT ROWS",
    "workers",
    "missing",
    "warned",
)


class Explaining:
    """A driver that notes how SQLite goes about each statement."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.dialect = driver.dialect
        self.plans: list[str] = []

    async def run(self, script: Script[T]) -> T:
        return await self._driver.run(self._explained(script))

    def _explained(self, script: Script[T]) -> Script[T]:
        try:
            statement = next(script)
            while True:
                query = statement.query if isinstance(statement, Alone) else statement
                if isinstance(query, Query):
                    plan = yield sql(f"explain query plan {query.text}", *query.params)
                    self.plans += [f"{row['detail']}  <- {query.text}" for row in plan]
                statement = script.send((yield query))
        except StopIteration as stop:
            result: T = stop.value
            return result

    def listen(self, channel: Channel, wake: Callable[[], None]) -> None:
        self._driver.listen(channel, wake)

    async def close(self) -> None:
        await self._driver.close()

    @property
    def whole(self) -> list[str]:
        """The statements that read a table from end to end."""
        scans = (plan for plan in self.plans if plan.startswith("SCAN"))
        return [scan for scan in scans if not scan.partition("  <-")[0].endswith(SHORT)]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/qbot.db"


@pytest.fixture
def explaining(database: Database) -> Explaining:
    return Explaining(database.driver)


async def test_an_operation_from_its_submission_to_its_end(
    explaining: Explaining, wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    ids = iter(("o8", "o9"))
    wishes.journal = SqlJournal(explaining, clock=clock, ids=lambda: next(ids))
    await wishes.submit(env, SYNC)
    await wishes.beat(WORKER)
    (claim,) = await wishes.claim()
    await wishes.journal.commit(claim, "one", None)
    await wishes.journal.finish(claim, End.SUCCEEDED, "")
    await wishes.ask_create("b")
    assert len(explaining.plans) > 30
    assert explaining.whole == []


async def test_lists_and_what_is_shown(
    explaining: Explaining, wishes: Wishes, clock: HandClock
) -> None:
    env = await wishes.living("a")
    await wishes.submit(env, SYNC)
    store, cards = SqlStore(explaining, clock=clock), SqlCards(explaining)
    await store.environments()
    await store.environments(owner=ANA)
    await store.find("a")
    await store.operations(env, limit=10)
    await store.durations(env, Kind.SYNC, limit=5)
    await store.last_audited(EnvId("e1"), ["thing.made"])
    await cards.behind()
    await cards.running()
    assert len(explaining.plans) > 15
    assert explaining.whole == []


async def test_whose_branch_is_gone_is_looked_for_among_the_gone(
    explaining: Explaining, clock: HandClock
) -> None:
    await SqlStore(explaining, clock=clock).environments()
    assert any("INDEX environment_services_gone  <-" in p for p in explaining.plans)


async def test_the_open_promotions_of_a_stage_are_looked_for_among_the_open(
    explaining: Explaining, clock: HandClock
) -> None:
    rows = SqlPromotions(explaining, clock=clock)
    states = [state for state in PromotionState if state.open]
    await rows.promotions(PRODUCTION, limit=9, states=states)
    await rows.rivals(PRODUCTION, PromotionKind.PROMOTION, [CART])
    ways = [plan.partition(" (")[0] for plan in explaining.plans]
    which = "SEARCH promotions USING INDEX promotions_"
    assert ways == [f"{which}open", f"{which}back"]
    await rows.rivals(PRODUCTION, PromotionKind.ROLLBACK, [CART])
    await rows.promotions(PRODUCTION, limit=9)
    assert explaining.whole == []


async def test_forgetting(explaining: Explaining, wishes: Wishes, clock: HandClock) -> None:
    await wishes.living("a")
    clock.advance(30 * 86_400)
    for forget in (forget_work, forget_cards, forget_deliveries):
        await explaining.run(forget(clock.now()))
    assert len(explaining.plans) > 9
    assert explaining.whole == []


async def test_what_is_told_to_prometheus(explaining: Explaining) -> None:
    await explaining.run(figures())
    assert len(explaining.plans) > 1
    assert explaining.whole == []


async def test_a_scan_would_be_seen(explaining: Explaining) -> None:
    def whole() -> Script[None]:
        yield sql("select count(*) from operations where headline = 'x'")

    await explaining.run(whole())
    assert len(explaining.whole) == 1


async def test_what_is_known_of_branches(explaining: Explaining, clock: HandClock) -> None:
    branches = SqlBranches(explaining, clock=clock)
    await branches.behind({(ProjectPath(f"shop/{s}"), ServiceName(s)) for s in ("cart", "web")})
    await branches.facts([BranchName("feat/x"), BranchName("feat/y")])
    of_catalog = "SCAN r "  # the services that were handed in
    assert [scan for scan in explaining.whole if not scan.startswith(of_catalog)] == []
