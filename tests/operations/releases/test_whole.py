"""Stages that are branches: all of a branch is merged where that brings what was shown."""

from dataclasses import replace

import pytest

from qbot.domain.names import ProjectPath
from qbot.domain.stages import ConfigSource, Format
from tests.operations.releases.planning_scene import (
    PRODUCTION,
    STAGING,
    PlanningScene,
    file,
)

CONFIG = ProjectPath("shop/environments")


@pytest.fixture
def shop() -> PlanningScene:
    """Production has split off, and has a size of its own."""
    scene = PlanningScene()
    config = ConfigSource(CONFIG, "staging", Format.HELM, "values/{service}.yaml", "image.tag")
    scene.change_stage(STAGING, config=config)
    scene.change_stage(PRODUCTION, config=replace(config, branch="production", whole=True))
    files = {
        f"values/{s}.yaml": file(s, scene.repository.branches[ProjectPath(f"shop/{s}"), "main"])
        for s in scene.names
    }
    tip = scene.repository.write(CONFIG, "staging", files)
    scene.repository.fork(CONFIG, "production", tip)
    scene.repository.write(CONFIG, "production", {"sizes.yaml": "replicas: 9\n"})
    return scene


async def test_everything_is_a_merge_of_the_other_branch(shop: PlanningScene) -> None:
    new = shop.ahead("cart")
    tip = shop.repository.write(CONFIG, "staging", {"chart.yaml": "logLevel: debug\n"})
    found = await shop.promote()
    assert found.plan.merges == tip
    assert [(e.service, e.new) for e in found.plan.edits] == [("cart", new)]
    assert [(c.file, c.new) for c in found.changes.lines] == [
        ("chart.yaml", "logLevel: debug"),
        ("values/cart.yaml", f'  tag: "{new}"  # full id'),
    ]


async def test_some_services_are_edits(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.ahead("orders")
    found = await shop.promote("cart")
    assert (found.plan.merges, found.plan.services) == ("", ("cart",))
    assert len(found.changes.lines) == 1


async def test_after_a_rollback_a_merge_would_bring_nothing_so_it_is_edits(
    shop: PlanningScene,
) -> None:
    new = shop.ahead("cart")
    first = await shop.promote()
    old = first.plan.edits[0].old
    shop.repository.merge(CONFIG, "production", "staging", {"values/cart.yaml": file("cart", new)})
    shop.merge(1, first)
    shop.deploy(PRODUCTION, "cart", old)
    again = await shop.promote()
    assert (again.plan.merges, again.plan.services) == ("", ("cart",))
    assert again.plan.edits[0].new == new


async def test_a_version_that_only_production_has_is_edits(shop: PlanningScene) -> None:
    shop.deploy(PRODUCTION, "cart", shop.commit("cart"))
    shop.ahead("cart")
    assert (await shop.promote()).plan.merges == ""
