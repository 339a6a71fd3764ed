"""A promotion's deployment through the real gateway, against the stand-in of Argo CD."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from qbot.domain.operation import Operation
from qbot.domain.promotion import MergeRequestRef
from qbot.operations.releases.rollout import deployed
from tests.gateways.argocd.shop_stages import CART_APP, PATTERN, SELECTOR, ShopStages, shop_stages
from tests.gateways.argocd.world import QuickClock, until
from tests.operations.releases.stage_scene import (
    CONFIG,
    HEAD,
    PLAN,
    StageScene,
    item,
    stage_scene,
)
from tests.operations.scene import FAILED, SUCCEEDED


@dataclass
class World:
    shop: ShopStages
    scene: StageScene

    async def finish(self) -> Operation:
        op = await self.scene.ask()

        async def ended() -> Operation | None:
            found = await self.scene.operation(op.id)
            return found if found.end else None

        found: Operation = await until(ended)
        return found

    def syncs(self) -> int:
        return sum(call.endswith("/sync") for call in self.shop.calls)


@pytest.fixture(params=[PATTERN, SELECTOR], ids=["pattern", "selector"])
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, tables: Path
) -> AsyncIterator[World]:
    async with (
        shop_stages(speed=300) as shop,
        stage_scene(tmp_path, tables, deployed, clock=QuickClock(speed=40)) as scene,
    ):
        scene.applications, scene.stage = shop.gateway, shop.by(request.param)
        scene.configure(broken_after=timedelta(seconds=0.2))
        base = shop.revision
        scene.facts = {
            "merge_sha": shop.promote("cart"),
            "plan": replace(PLAN, items=(item("cart"),)),
            "merge_request": MergeRequestRef(CONFIG, 1, "", "qbot/P-7", HEAD, base),
        }
        yield World(shop, scene)


async def test_a_merged_change_comes_to_run(world: World) -> None:
    done = await world.finish()
    assert (done.end, done.headline) == (SUCCEEDED, "")
    assert world.syncs() == 1
    found = await world.shop.gateway.read(world.scene.stage, CART_APP)
    assert found is not None
    assert found.images == ("registry.example/shop/cart:" + "f" * 40,)
    assert found.state.info == done.id


async def test_a_service_that_comes_up_sick_is_named_with_its_log(world: World) -> None:
    await world.shop.pin(health="Degraded", message="CrashLoopBackOff")
    done = await world.finish()
    assert done.end is FAILED
    assert done.headline.startswith("production-cart failed: ")
    assert "CrashLoopBackOff" in done.headline
    log = world.scene.seen[-1].log
    assert log[-1] == "cart: error: CrashLoopBackOff"
    assert "glpat-" not in "".join(log)
