"""A rollback takes the place of what is being deployed: no sync is sent for that any more."""

import asyncio
from dataclasses import dataclass, field

import pytest
from typing_extensions import override

from qbot.domain.names import AppName, OpId
from qbot.domain.promotion import PromotionState
from qbot.domain.release_ports import StageApp
from qbot.domain.stages import Stage
from qbot.errors import TransientError
from qbot.operations.releases.case import Case
from qbot.operations.releases.goals import Goals
from qbot.operations.releases.syncing import Syncing
from qbot.operations.sitting_out import Deadline
from tests.clocks import HandClock
from tests.operations.releases.stage_apps import FakeStageApplications
from tests.operations.releases.stage_scene import BASE, MERGE, SERVICES
from tests.operations.releases.test_giving_way import CART, CART_APP, Shop, shop
from tests.operations.scene import ANA, CANCELLED

__all__ = ["shop"]

A_FEW = 5.0  # seconds
STOPPED = 30.0  # seconds until who gives way leaves its syncs to themselves


@dataclass
class Slow:
    """What an Argo CD is slow at, in seconds, and whose syncs it begins."""

    looking: float = 0.0
    beginning: float = 0.0
    by: OpId | None = None  # None: whoever asked
    looks: list[AppName] = field(default_factory=list)


class SlowApplications(FakeStageApplications):
    """A sync that is asked for is shown as that alone until it begins."""

    def __init__(self, clock: HandClock, slow: Slow) -> None:
        super().__init__(clock, BASE)
        self._slow = slow
        self._begins: list[asyncio.Task[None]] = []
        self.held.add(CART)
        for service in SERVICES:
            self.add(service)
        self.tip = MERGE

    @override
    async def read(self, stage: Stage, app: AppName) -> StageApp | None:
        if app == CART_APP:
            self._slow.looks.append(app)
            await self._clock.sleep(self._slow.looking)
        return await super().read(stage, app)

    @override
    async def sync(self, stage: Stage, app: AppName, *, op: OpId) -> None:
        if app != CART_APP or not self._slow.beginning:
            await super().sync(stage, app, op=op)
            return
        await self._called("sync", app)
        self.put(app, requested=True, phase="", info="", started_at=None, finished_at=None)
        self._begins.append(asyncio.create_task(self._later(app, self._slow.by or op)))

    async def _later(self, app: AppName, op: OpId) -> None:
        until = self._clock.monotonic() + self._slow.beginning
        while self._clock.monotonic() < until:
            await self._clock.sleep(1.0)  # time does not jump to when it begins
        self._begin(app, info=op)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def apps(shop: Shop, slow: Slow) -> SlowApplications:
    shop.scene.applications = made = SlowApplications(shop.scene.clock, slow)
    return made


async def superseded(shop: Shop, *, after: float) -> float:
    """Seconds until it gave way."""
    op = await shop.scene.ask()
    await shop.scene.pass_(after)
    shop.row.state = PromotionState.CANCELLED
    began = shop.scene.clock.monotonic()
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    assert (await shop.scene.ended(op)).end is CANCELLED
    return shop.scene.clock.monotonic() - began


@pytest.mark.parametrize("left_alone", [None, 300.0, 3_600.0])
async def test_it_gives_way_at_once_between_two_tries_of_a_sync(
    shop: Shop, apps: SlowApplications, left_alone: float | None
) -> None:
    apps.faults.lay("sync", TransientError("Argo CD: 429", retry_after=left_alone), 500)
    took = await superseded(shop, after=8)
    tries = apps.times("sync")
    assert took <= A_FEW
    await shop.scene.pass_(60)
    assert apps.times("sync") == tries


async def test_no_sync_is_sent_while_argo_cd_is_slow_to_say_what_runs(
    shop: Shop, apps: SlowApplications, slow: Slow
) -> None:
    slow.looking = 40.0
    op = await shop.scene.ask()
    await shop.scene.pass_(4)
    slow.looking = 0.0
    assert slow.looks  # the one that is under way
    shop.row.state = PromotionState.CANCELLED
    began = shop.scene.clock.monotonic()
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    assert (await shop.scene.ended(op)).end is CANCELLED
    assert shop.scene.clock.monotonic() - began <= A_FEW
    assert "cart" not in apps.times("sync")


async def test_nor_when_it_was_superseded_just_before_argo_cd_said_that(
    shop: Shop, apps: SlowApplications, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = apps.read

    async def work(case: Case) -> None:
        syncing = Syncing(case, Goals(case))

        async def read(stage: Stage, app: AppName) -> StageApp | None:
            syncing.stop()
            return await plain(stage, app)

        monkeypatch.setattr(apps, "read", read)
        clock = shop.scene.clock
        deadline = Deadline(clock.now() + case.stage.deploy_time, clock, lambda _: ())
        await syncing.once(CART, CART_APP, deadline=deadline)

    shop.scene.work = work
    done = await shop.scene.finish()
    assert done.headline == "It was not synced: the deployment was over before."
    assert apps.times("sync") == {}


async def test_a_sync_of_its_own_that_had_not_begun_yet_is_stopped_once_it_has(
    shop: Shop, apps: SlowApplications, slow: Slow
) -> None:
    slow.beginning = 12.0
    assert await superseded(shop, after=4) <= slow.beginning + A_FEW
    assert apps.times("terminate") == {"cart": 1}
    (row,) = await shop.scene.audited("promotion.syncs-terminated")
    assert CART_APP in row["detail"]


async def test_somebody_elses_is_left_alone(shop: Shop, apps: SlowApplications, slow: Slow) -> None:
    slow.beginning, slow.by = 12.0, OpId("another")
    assert await superseded(shop, after=4) <= slow.beginning + A_FEW
    assert apps.times("terminate") == {}


async def test_one_that_does_not_begin_keeps_the_next_one_half_a_minute_at_most(
    shop: Shop, apps: SlowApplications, slow: Slow
) -> None:
    slow.beginning = 3_600.0
    assert await superseded(shop, after=4) <= STOPPED + A_FEW
    assert apps.times("terminate") == {}
    assert len(await shop.scene.audited("promotion.syncs-terminated")) == 1
