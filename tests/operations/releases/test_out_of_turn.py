"""A rollback takes the place of what is merged while a neighbour is silent: it waits for none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from typing_extensions import override

from qbot.domain.names import ProjectPath
from qbot.domain.operation import Submitted
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import PromotionState
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PromotionMoved
from qbot.errors import TransientError
from qbot.store import Database
from tests.clocks import HandClock
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.releases.stage_apps import FakeStageApplications
from tests.operations.releases.stage_scene import MERGE, SERVICES
from tests.operations.releases.test_ended_at_the_end import (
    PLACE,
    Event,
    History,
    Race,
    merged,
    nothing,
    race,
    services,
)
from tests.operations.scene import Busy, Calls
from tests.store.promoting import CART, carried, going_back, wish
from tests.store.wishes import BEN, Wishes

__all__ = [
    "clock", "database", "database_url", "race", "services", "shop",
]  # fmt: skip
LONG = timedelta(hours=100)  # that the neighbour is silent, and that a deployment has
A_WHILE = timedelta(minutes=2)
A_FEW = 10.0  # seconds
# Seconds: that long it tries to have its syncs stopped. Time passes by calls of the database that
# nobody counts, too: more of it where the machine is busy.
SOON = 30.0 + 3 * A_FEW
SPINS = 8  # turns of the loop without a call of the database: everybody waits for the clock
HANGS = 30.0  # seconds until a call that is not answered is given up
DOWN = TransientError("Argo CD could not be asked: 503")


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def wishes(database: Database, calls: Calls) -> Wishes:
    """Of a database whose calls are counted."""
    journal = cast("Any", Busy(database.journal, calls))
    promotions = cast("Any", Busy(database.promotions, calls))
    return Wishes(replace(database, journal=journal, promotions=promotions))


@pytest.fixture
async def ticking(shop: Shop, calls: Calls) -> AsyncIterator[None]:
    """Time passes fast, and not while the database is at work: what is measured is meant."""

    async def tick() -> None:
        while True:
            spins = 0
            while spins < SPINS:
                spins = 0 if calls.count else spins + 1
                await calls.over()
                await asyncio.sleep(0)
            shop.clock.advance(min(shop.clock.sleepers, default=0.0))
            await asyncio.sleep(0.001)

    task = asyncio.create_task(tick())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Silent(FakeStageApplications):
    """It answers one kind of call with errors, soon or late, until a moment."""

    def __init__(
        self, clock: HandClock, method: str, *, hangs: bool = False, until: timedelta = LONG
    ) -> None:
        super().__init__(clock, MERGE)
        self._method, self._hangs = method, hangs
        self._until = clock.now() + until
        self.happens: Event = nothing
        for service in SERVICES:
            self.add(service)

    @override
    async def _called(self, method: str, app: str = "") -> None:
        last = method == "survey" or self.times("read")  # a sync looks once, too
        if method == self._method and last and self._clock.now() < self._until:
            await self.happens()
            if self._hangs:
                await self._clock.sleep(HANGS)
            raise DOWN
        await super()._called(method, app)


class Away(History):
    """A GitLab that never says what is written."""

    def __init__(self, happens: Event) -> None:
        super().__init__()
        self.happens = happens

    async def files(self, project: ProjectPath, ref: str, paths: Any) -> Any:
        await self.happens()
        raise TransientError("GitLab does not answer")


async def turned(race: Race) -> float:
    """Seconds until the rollback had its turn; what is merged has given way."""
    began = race.shop.clock.monotonic()
    ended = await race.goes_on()
    await race.gave_way(ended, PLACE)
    assert isinstance(ended.progress, StageProgress)
    assert ended.progress.merged_sha == MERGE
    assert (await carried(race.wishes, ended)).merge_sha == MERGE
    assert (await race.shop.ended(race.back.op)).headline == "It had its turn."
    return race.shop.clock.monotonic() - began


@pytest.mark.parametrize("hangs", [False, True])
@pytest.mark.parametrize("method", ["survey", "read"])
async def test_a_rollback_does_not_wait_until_argo_cd_answers(
    race: Race, method: str, *, hangs: bool
) -> None:
    race.stage = replace(race.stage, deploy_time=LONG)
    race.apps = silent = Silent(race.shop.clock, method, hangs=hangs)
    silent.happens = race.overtaken
    assert await turned(race) < SOON


async def test_nor_until_gitlab_says_whether_what_is_tried_again_still_stands(
    shop: Shop, ticking: None
) -> None:
    before, promotion = await merged(shop.wishes, CART)
    late = PromotionMoved(promotion.id, PromotionState.FAILED)
    await shop.wishes.journal.finish(before, End.FAILED, "", [late])
    again = await shop.wishes.journal.submit(wish(CART, actor=BEN, again=promotion.id))
    assert isinstance(again, Submitted)
    (deploying,) = await shop.wishes.claim()
    going, back = await going_back(shop.wishes, CART)
    await shop.wishes.beat("worker-a", deploying, going, lease=1_000.0)
    race = Race(shop, deploying, going, (replace(promotion, op=again.operation.id), back))
    race.history = Away(race.overtaken)
    assert await turned(race) < A_FEW


async def withdraw(race: Race) -> None:
    """Too late."""
    await race.wishes.journal.request_cancel(race.promotion.op, BEN)


@pytest.mark.parametrize("who", [lambda _: nothing(), withdraw], ids=["nobody", "withdraw"])
async def test_what_nobody_takes_over_waits_and_goes_on(
    race: Race, who: Callable[[Race], Any]
) -> None:
    race.apps = silent = Silent(race.shop.clock, "survey", until=timedelta(minutes=1))

    async def happens() -> None:
        await who(race)

    silent.happens = happens
    assert (await race.goes_on()).end is End.SUCCEEDED


async def test_a_list_that_fails_for_good_fails_the_deployment(race: Race) -> None:
    race.stage = replace(race.stage, deploy_time=A_WHILE)
    race.apps = Silent(race.shop.clock, "survey")
    began = race.shop.clock.monotonic()
    ended = await race.goes_on()
    took = race.shop.clock.monotonic() - began
    assert 0 < took - A_WHILE.total_seconds() < A_FEW
    assert (ended.kind, ended.end) == (Kind.PROMOTE, End.FAILED)
    assert ended.headline == (
        "What runs in production could not be listed: Argo CD could not be asked: 503. "
        "Retry goes on from here, Roll Back puts the earlier versions back."
    )
    assert (await carried(race.wishes, ended)).state is PromotionState.FAILED
