"""Rollbacks: back to before a promotion, or to after one, but never over somebody's own change."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.names import ProjectPath, ServiceName
from qbot.domain.promotion import PromotionKind, PromotionState
from qbot.errors import UserError
from tests.operations.releases.planning_scene import PRODUCTION, PlanningScene


@pytest.fixture
def shop() -> PlanningScene:
    return PlanningScene()


def running(shop: PlanningScene, service: str) -> str:
    (app,) = [a for n, a in shop.survey.apps[PRODUCTION].items() if n == service]
    return app.images[0].rpartition(":")[2]


async def refusal(shop: PlanningScene, *services: str, to: int | None = None) -> str:
    with pytest.raises(UserError) as refused:
        await shop.roll_back(*services, to=to)
    return f"{refused.value} {refused.value.hint}"


async def test_the_newest_promotion_is_undone(shop: PlanningScene) -> None:
    before = running(shop, "cart")
    shop.ahead("cart", commits=2)
    shop.ahead("orders")
    shop.merge(1, await shop.promote())
    after = running(shop, "cart")
    found = await shop.roll_back()
    assert found.plan.source == "P-1"
    assert found.plan.services == ("cart", "orders")
    assert (found.plan.edits[0].old, found.plan.edits[0].new) == (after, before)
    assert [i.commits for i in found.plan.items] == [-2, -1]
    assert set(found.plan.items[0].authors) == {"Ana Costa", "Ben Okafor"}
    assert found.changes.total == 2


async def test_one_service_of_it_may_go_back_alone(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.ahead("orders")
    shop.merge(1, await shop.promote())
    assert (await shop.roll_back("orders")).plan.services == ("orders",)


async def test_what_failed_after_its_merge_is_undone_as_well(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.merge(1, await shop.promote(), state=PromotionState.FAILED)
    assert (await shop.roll_back()).plan.source == "P-1"


async def test_the_newest_that_touched_the_service_counts(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.merge(1, await shop.promote())
    shop.ahead("orders")
    shop.merge(2, await shop.promote())
    assert (await shop.roll_back()).plan.source == "P-2"
    assert (await shop.roll_back("cart")).plan.source == "P-1"
    assert "P-2 did not change `cart`" in await refusal(shop, "orders", "cart")


async def test_back_to_what_there_was_after_an_earlier_one(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.merge(1, await shop.promote())
    wanted = running(shop, "cart")
    shop.ahead("cart")
    shop.merge(2, await shop.promote())
    shop.ahead("cart")
    shop.ahead("orders")
    shop.merge(3, await shop.promote())
    found = await shop.roll_back(to=1)
    assert [e.new for e in found.plan.edits if e.service == "cart"] == [wanted]
    assert found.plan.services == ("cart", "orders")
    assert "P-3 is the newest" in await refusal(shop, to=3)
    assert "P-9 did not change `production`" in await refusal(shop, to=9)


async def test_a_second_time_does_not_silently_go_further_back(shop: PlanningScene) -> None:
    for number in (1, 2):
        shop.ahead("cart")
        shop.merge(number, await shop.promote())
    shop.merge(3, await shop.roll_back())
    assert shop.promotions.rows[-1].kind is PromotionKind.ROLLBACK
    said = await refusal(shop)
    assert "`production` is back where it was before P-2 already" in said
    assert "`--to` goes further back" in said


async def test_what_was_rolled_back_does_not_come_again_by_a_rollback(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.merge(1, await shop.promote())
    taken = shop.ahead("cart")
    shop.merge(2, await shop.promote())
    shop.merge(3, await shop.roll_back("cart"))
    said = await refusal(shop, "cart", to=2)
    assert f"forward: `cart` at `{taken[:8]}` was rolled back since" in said
    assert "`promote staging production` brings newer versions" in said


async def test_what_was_left_out_of_a_rollback_can_follow(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.ahead("orders")
    shop.merge(1, await shop.promote())
    shop.merge(2, await shop.roll_back("cart"))
    assert (await shop.roll_back()).plan.services == ("orders",)


async def test_a_version_that_somebody_changed_since_is_named(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.ahead("orders")
    shop.merge(1, await shop.promote())
    shop.declare(PRODUCTION, "cart", "by-hand")
    said = await refusal(shop)
    assert "`cart` is at `by-hand`, not at" in said
    assert "as P-1 left it" in said
    assert (await shop.roll_back("orders")).plan.services == ("orders",)


async def test_without_a_promotion_there_is_nothing_to_go_back_to(shop: PlanningScene) -> None:
    assert "Qbot has made no promotion to `production`" in await refusal(shop)
    shop.ahead("cart")
    row = shop.merge(1, await shop.promote())
    assert "made no promotion of `web`" in await refusal(shop, "web")
    shop.promotions.rows = [replace(row, merge_sha="", state=PromotionState.CANCELLED)]
    assert "Qbot has made no promotion to `production`" in await refusal(shop)


async def test_a_rollback_carries_the_commits_of_both_versions(shop: PlanningScene) -> None:
    old = shop.repository.branches[ProjectPath("shop/cart"), "main"]
    new = shop.ahead("cart")
    shop.merge(1, await shop.promote())
    (item,) = (await shop.roll_back(ServiceName("cart"))).plan.items
    assert (item.old.sha, item.new.sha) == (new, old)


async def test_a_service_that_qbot_yaml_no_longer_has_is_named(shop: PlanningScene) -> None:
    shop.ahead("cart")
    shop.ahead("orders")
    shop.merge(1, await shop.promote())
    shop.change_stage(PRODUCTION, services=(ServiceName("orders"),))
    assert "`cart` is no longer a service of `production`" in await refusal(shop)
    assert (await shop.roll_back("orders")).plan.services == ("orders",)


@pytest.mark.parametrize(
    "late", [PromotionState.CANCELLED, PromotionState.CLOSED, PromotionState.MERGED]
)
async def test_how_an_old_promotion_ended_late_does_not_make_it_the_newest(
    shop: PlanningScene, late: PromotionState
) -> None:
    for number in (1, 2):
        shop.ahead("cart")
        shop.merge(number, await shop.promote())
    ended = None if late.open else shop.clock.now() + timedelta(days=1)
    shop.promotions.rows[0] = replace(shop.promotions.rows[0], state=late, ended_at=ended)
    assert (await shop.roll_back()).plan.source == "P-2"
