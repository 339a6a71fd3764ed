"""The Argo CD of a stage is away: a deployment loses no time by it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from qbot.domain.names import ServiceName
from qbot.domain.progress import Stage
from qbot.operations.releases.rollout import deployed
from tests.operations.outage import Outage
from tests.operations.releases.stage_scene import StageScene, stage, stage_scene
from tests.operations.scene import SUCCEEDED

TIME = timedelta(seconds=60)  # that a deployment has
LONG = 300.0  # seconds of the outage
CART, WEB = ServiceName("cart"), ServiceName("web")


@pytest.fixture
async def scene(tmp_path: Path, tables: Path) -> AsyncIterator[StageScene]:
    async with stage_scene(tmp_path, tables, deployed) as made:
        made.stage = stage(deploy_time=TIME)
        yield made


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_outage_about_the_deadline_leaves_time_for_a_sync_that_begins_after_it(
    scene: StageScene, *, restarted: bool
) -> None:
    outage = Outage(scene, scene.apps.faults)
    await outage.restart()
    scene.apps.held.add(WEB)
    op = await scene.ask()
    await scene.pass_(TIME.total_seconds() - 3)
    await outage.about_a_deadline(LONG, restarted=restarted)
    assert (await scene.operation(op.id)).end is None
    outage.end()
    await scene.pass_(TIME.total_seconds())
    scene.apps.end_sync("web")
    assert (await scene.ended(op)).end is SUCCEEDED


async def test_a_sync_that_an_outage_comes_before_is_asked_for_after_it(scene: StageScene) -> None:
    outage = Outage(scene, scene.apps.faults)
    await outage.restart()
    scene.apps.blind.add(CART)
    op = await scene.ask()
    await scene.pass_(4)
    outage.begin()
    scene.apps.compare("cart")  # what is on its way already is heard still
    await outage.lasts(LONG)
    assert (await scene.operation(op.id)).end is None
    outage.end()
    assert (await scene.ended(op)).end is SUCCEEDED
    assert scene.row_of("cart").stage is Stage.READY
