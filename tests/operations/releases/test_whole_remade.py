"""A promotion that merges a whole branch, while the stage's moves: never more than was shown."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from qbot.domain.names import ProjectPath
from qbot.domain.stages import ConfigSource, Format
from tests.operations.releases.planning_scene import CONFIG, PRODUCTION, STAGING, file
from tests.operations.releases.proposals import ProposedScene

CART = "values/cart.yaml"
HOTFIX = "c" * 40


@pytest.fixture
async def shop() -> AsyncIterator[ProposedScene]:
    """Cart is to come by a merge of staging's branch, and chloe has said yes."""
    made = ProposedScene()
    config = ConfigSource(CONFIG, "staging", Format.HELM, "values/{service}.yaml", "image.tag")
    made.change_stage(STAGING, config=config)
    made.change_stage(PRODUCTION, config=replace(config, branch="production", whole=True))
    old = {s: made.repository.branches[ProjectPath(f"shop/{s}"), "main"] for s in made.names}
    tip = made.push("staging", {f"values/{s}.yaml": file(s, sha) for s, sha in old.items()})
    made.repository.fork(CONFIG, "production", tip)
    made.push("production", {"sizes.yaml": "replicas: 9\n"})
    made.config.target = "production"
    made.ahead("cart")
    await made.propose()
    await made.approve("UCHLOE")
    yield made
    await made.close()


async def test_it_stays_a_merge_while_nothing_that_was_shown_changes(shop: ProposedScene) -> None:
    shop.push("production", {"sizes.yaml": "replicas: 12\n"})
    assert await shop.look() is None
    assert shop.row.plan
    assert shop.row.plan.merges == shop.head
    assert [a.void for a in shop.rows.said] == [""]


async def test_a_version_that_somebody_wrote_since_voids_and_the_versions_alone_are_written(
    shop: ProposedScene,
) -> None:
    tip = shop.push("production", {CART: file("cart", HOTFIX)})
    assert await shop.look() is None
    assert shop.row.plan
    assert shop.row.plan.merges == ""
    assert [e.old for e in shop.row.plan.edits] == [HOTFIX]
    assert await shop.config.parents(CONFIG, shop.head) == (tip,)
    assert "what the stage runs has changed since" in shop.rows.said[0].void


async def test_a_branch_that_cannot_be_merged_any_more_voids_visibly_too(
    shop: ProposedScene,
) -> None:
    shop.push("production", {"sizes.yaml": "replicas: 12\n"})
    shop.config.status = "conflict"
    assert await shop.look() is None
    assert shop.row.plan
    assert shop.row.plan.merges == ""
    assert "does not take the other branch as a whole" in shop.rows.said[0].void
