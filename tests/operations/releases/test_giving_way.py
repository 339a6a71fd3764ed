"""A rollback takes the place of what is being deployed: that stops, and leaves no sync behind."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from qbot.domain.jobs import JobRun, JobState
from qbot.domain.names import AppName, PromotionId, ServiceName
from qbot.domain.operation import Operation
from qbot.domain.promotion import Promotion, PromotionState
from qbot.errors import PermanentError, TransientError
from qbot.operations.releases.case import Case
from qbot.operations.releases.jobs import ran
from qbot.operations.releases.rollout import deployed
from tests.operations.releases.stage_scene import PLAN, StageScene, item, stage_scene
from tests.operations.releases.test_jobs import SMOKE, FakeRunner
from tests.operations.scene import ANA, CANCELLED, SUCCEEDED

CART, CART_APP = ServiceName("cart"), AppName("production-cart")

WEB, BACK = ServiceName("web"), PromotionId(8)
OF_CART = replace(PLAN, items=(item("cart"),))


@dataclass
class Row:
    """The one promotion, as the database has it."""

    state: PromotionState = PromotionState.MERGED
    known: Promotion | None = None

    async def promotion(self, number: PromotionId) -> Promotion | None:
        if number == BACK:
            return replace(cast("Promotion", self.known), id=BACK, plan=OF_CART)
        by = BACK if self.state is PromotionState.FAILED else None
        return replace(self.known, state=self.state, superseded_by=by) if self.known else None


@dataclass
class Shop:
    scene: StageScene
    row: Row
    job: str = ""  # instead of the deployment


@pytest.fixture
async def shop(tmp_path: Path, tables: Path) -> AsyncIterator[Shop]:
    row = Row()

    async def work(case: Case) -> None:
        row.known = case.promotion
        case.context = replace(case.context, promotions=cast("Any", row))
        with case.run.ignoring_cancel():
            if made.job:
                await ran(case, made.job, when="after")
            else:
                await deployed(case)

    async with stage_scene(tmp_path, tables, work) as scene:
        made = Shop(scene, row)
        yield made


async def test_a_deployment_stops_and_has_its_running_syncs_terminated(shop: Shop) -> None:
    shop.scene.apps.held.add(CART)
    op = await shop.scene.ask()
    await shop.scene.pass_(4)
    shop.row.state = PromotionState.CANCELLED
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    assert (await shop.scene.ended(op)).end is CANCELLED
    assert shop.scene.apps.times("terminate") == {"cart": 1}
    (row,) = await shop.scene.audited("promotion.syncs-terminated")
    assert CART_APP in row["detail"]


async def test_what_the_rollback_leaves_alone_goes_on_syncing(shop: Shop) -> None:
    shop.scene.apps.held |= {CART, WEB}
    op = await shop.scene.ask()
    await shop.scene.pass_(4)
    shop.row.state = PromotionState.FAILED
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    await shop.scene.ended(op)
    assert shop.scene.apps.times("terminate") == {"cart": 1}


async def test_where_argo_cd_does_not_grant_that_it_stops_all_the_same(shop: Shop) -> None:
    shop.scene.apps.held.add(CART)
    shop.scene.apps.faults.lay("terminate", PermanentError("no right"))
    op = await shop.scene.ask()
    await shop.scene.pass_(4)
    shop.row.state = PromotionState.CANCELLED
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    assert (await shop.scene.ended(op)).end is CANCELLED


async def crashed(shop: Shop, *, fails: int) -> Operation:
    """A deployment that goes on after a crash amid its sync; a rollback has taken its place."""
    scene = shop.scene
    scene.apps.held.add(CART)
    op = await scene.ask()
    await scene.pass_(4)
    assert scene.apps.of("cart").phase == "Running"
    await scene.kill()
    scene.apps.faults.lay("survey", TransientError("500"), fails)
    await scene.start()
    await scene.pass_(2)
    shop.row.state = PromotionState.CANCELLED
    return op


async def test_after_a_crash_its_syncs_are_terminated_although_their_list_came_late(
    shop: Shop,
) -> None:
    op = await crashed(shop, fails=6)
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    assert (await shop.scene.ended(op)).end is CANCELLED
    assert shop.scene.apps.times("terminate") == {"cart": 1}


async def test_after_a_crash_a_list_that_never_comes_keeps_the_next_one_half_a_minute_at_most(
    shop: Shop,
) -> None:
    op = await crashed(shop, fails=500)
    began = shop.scene.clock.now()
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    assert (await shop.scene.ended(op)).end is CANCELLED
    assert (shop.scene.clock.now() - began).total_seconds() <= 40


async def test_who_has_begun_no_sync_yet_does_not_look_for_any(shop: Shop) -> None:
    """The next one need not wait until Argo CD lists what there is."""
    shop.scene.apps.faults.lay("survey", TransientError("500"), 500)
    op = await shop.scene.ask()
    await shop.scene.pass_(4)
    shop.row.state = PromotionState.CANCELLED
    began = shop.scene.clock.now()
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    assert (await shop.scene.ended(op)).end is CANCELLED
    assert (shop.scene.clock.now() - began).total_seconds() <= 10


async def test_a_wish_to_withdraw_that_came_too_late_stops_nothing(shop: Shop) -> None:
    shop.scene.apps.held.add(CART)
    op = await shop.scene.ask()
    await shop.scene.pass_(4)
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    await shop.scene.pass_(4)
    shop.scene.apps.end_sync("cart")
    assert (await shop.scene.ended(op)).end is SUCCEEDED
    assert shop.scene.apps.times("terminate") == {}


@pytest.fixture
def runner(shop: Shop) -> FakeRunner:
    """Of the job after the deployment, which does not end by itself."""
    made = FakeRunner()
    made.looks = [JobRun(SMOKE.name, JobState.RUNNING)]
    shop.job, shop.scene.jobs, shop.scene.runner = SMOKE.name, {SMOKE.name: SMOKE}, made
    return made


async def test_a_job_after_the_deployment_is_not_waited_for_any_more(
    shop: Shop, runner: FakeRunner
) -> None:
    op = await shop.scene.ask()
    await shop.scene.pass_(60)
    shop.row.state = PromotionState.CANCELLED
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    assert (await shop.scene.ended(op)).end is CANCELLED
    assert runner.starts == 1


async def test_a_wish_to_withdraw_that_came_too_late_does_not_leave_the_job(
    shop: Shop, runner: FakeRunner
) -> None:
    op = await shop.scene.ask()
    await shop.scene.pass_(4)
    await shop.scene.database.journal.request_cancel(op.id, ANA)
    await shop.scene.pass_(4)
    runner.looks = [JobRun(SMOKE.name, JobState.PASSED)]
    assert (await shop.scene.ended(op)).end is SUCCEEDED
