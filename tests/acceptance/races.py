"""One environment that the reaper is about to delete, and somebody who is faster somewhere."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from typing_extensions import override

from qbot.domain.environment import Environment, Phase
from qbot.domain.names import BranchName
from qbot.domain.operation import Operation
from qbot.domain.reaping import Cause
from qbot.operations.restore_requests import RestoreRequests
from qbot.store import Database
from qbot.store.branch_rows import SqlBranches
from qbot.store.journal import SqlJournal
from qbot.store.lifetimes import SqlLifetimes
from qbot.store.reads import SqlStore
from qbot.store.reaper import SqlReaper
from qbot.store.reaping import SqlReaping
from qbot.store.releases import SqlPromotions
from qbot.store.statements import Channel, Driver, Script, T
from tests.clocks import HandClock
from tests.databases import open_copied
from tests.operations.fakes import FakeArgoCD, FakeGitLab
from tests.operations.scene import SHOP, Scene, project
from tests.operations.test_acting import Acting

CART, X = project("cart"), BranchName("feat/x")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Rival = Callable[["Race"], Awaitable[None]]


class Turns:
    """Every transaction and every request of Qbot's, by name; right before one, something else."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.at = 0
        self.first: Callable[[], Awaitable[None]] | None = None

    async def take(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self.at and self.first is not None:
            first, self.first = self.first, None
            await first()


class TurnsDriver:
    """Implements `Driver` by another one."""

    def __init__(self, driver: Driver, turns: Turns) -> None:
        self._driver = driver
        self._turns = turns

    @property
    def dialect(self) -> str:
        return self._driver.dialect

    async def run(self, script: Script[T]) -> T:
        await self._turns.take(f"database {getattr(script, '__name__', '')}")
        return await self._driver.run(script)

    def listen(self, channel: Channel, wake: Callable[[], None]) -> None:
        self._driver.listen(channel, wake)

    async def close(self) -> None:
        await self._driver.close()


class TurnsArgoCD(FakeArgoCD):
    """Each request is a turn."""

    def __init__(self, clock: HandClock, turns: Turns) -> None:
        super().__init__(clock)
        self._turns = turns

    @override
    async def _called(self, method: str, service: str = "") -> None:
        await self._turns.take(f"argocd {method} {service}".strip())
        await super()._called(method, service)


class TurnsGitLab(FakeGitLab):
    """Each request is a turn."""

    def __init__(self, turns: Turns) -> None:
        super().__init__([project(name) for name in SHOP])
        self._turns = turns

    @override
    async def _called(self, method: str) -> None:
        await self._turns.take(f"gitlab {method}")
        await super()._called(method)


def watched(database: Database, turns: Turns, ids: Callable[[], str]) -> Database:
    """The same database; each transaction is a turn."""
    driver, clock = TurnsDriver(database.driver, turns), database.clock
    return replace(
        database,
        driver=driver,
        journal=SqlJournal(driver, clock=clock, ids=ids),
        store=SqlStore(driver, clock=clock),
        promotions=SqlPromotions(driver, clock=clock),
        branches=SqlBranches(driver, clock=clock),
        lifetimes=SqlLifetimes(driver, clock=clock),
        reaper=SqlReaper(driver, clock=clock),
        reaping=SqlReaping(driver, clock=clock, ids=ids),
    )


class Race:
    """The reaper's tick that deletes it, the deletion, and whatever comes between."""

    def __init__(self, scene: Scene, turns: Turns) -> None:
        self.scene = scene
        self.turns = turns
        self.acting = Acting(scene)
        self.phase: Phase | None = None  # that it had when somebody came between
        self.ran: dict[str, str] = {}
        self.error = ""

    async def prepare(self, cause: Cause) -> None:
        """It was made days ago and has a cause; the owner was warned, and the grace is over."""
        scene = self.scene
        await scene.start()
        await scene.create()
        await scene.kill()
        self.ran = scene.targets()
        scene.clock.advance(3 * DAY.total_seconds())
        match cause:
            case Cause.MERGED:
                await self.acting.merged()
            case Cause.GONE:
                await self._gone()
            case _:
                await self.swept()
        await self.acting.reap(sweep=False)
        scene.clock.advance((DAY + HOUR).total_seconds())
        await self.swept()
        self.scene.clock.advance(1)

    async def swept(self) -> None:
        """Sweeps see what GitLab has."""
        there = self.scene.gitlab.branches[CART]
        await self.acting.swept(found={X: there[X].sha} if X in there else {})

    async def _gone(self) -> None:
        """GitLab says so twice."""
        rows, scene = self.scene.database.branches, self.scene
        del scene.gitlab.branches[CART][X]
        for _ in range(2):
            await self.swept()
            scene.clock.advance(180)
            for look in await rows.take_looks(9):
                await rows.missed(look, scene.clock.now())

    async def later(self) -> None:
        """The next tick, and what it has done."""
        self.scene.clock.advance(600)
        await self.swept()
        await self.acting.reaper.reap()
        await self.settled()

    async def run(self, rival: Rival | None = None, at: int = 0) -> int:
        """How many turns it took; `rival` comes right before that one, or else at the end."""

        async def first() -> None:
            self.phase = (await self.scene.env()).phase
            self.scene.clock.advance(1)
            if rival is not None:
                await rival(self)
            self.scene.clock.advance(1)

        self.turns.passed.clear()
        self.turns.at, self.turns.first = at, first
        await self.acting.reaper.reap()
        await self.scene.start()
        await self.settled()
        if self.turns.first is not None:
            self.turns.first = None
            await first()
            await self.settled()
        return len(self.turns.passed)

    async def settled(self) -> None:
        """Everything that was asked for has ended, also what was asked for meanwhile."""
        ended = 0
        while len(found := await self.operations()) > ended:
            for operation in found[ended:]:
                await self.scene.ended(operation)
            ended = len(found)

    async def operations(self) -> list[Operation]:
        """Of all environments that the branch ever had, oldest first."""
        found = await self.scene.database.store.past((await self.scene.env()).id, limit=50)
        return list(found)[::-1]

    async def env(self) -> Environment:
        return await self.scene.env()

    @property
    def restores(self) -> RestoreRequests:
        return RestoreRequests(self.scene.context, self.scene.requests)


@asynccontextmanager
async def race(folder: Path, tables: Path, cause: Cause) -> AsyncIterator[Race]:
    """A fresh one, about to begin."""
    clock, numbers, turns = HandClock(), itertools.count(1), Turns()

    def ids() -> str:
        return f"op{next(numbers)}"

    folder.mkdir(exist_ok=True)
    database = await open_copied(tables, folder, clock=clock, ids=ids)
    scene = Scene(watched(database, turns, ids), clock)
    scene.argocd, scene.gitlab = TurnsArgoCD(clock, turns), TurnsGitLab(turns)
    scene.configure()
    scene.gitlab.push("shop/cart", "feat/x")
    made = Race(scene, turns)
    try:
        await made.prepare(cause)
        yield made
    finally:
        await scene.kill()
        await database.close()
