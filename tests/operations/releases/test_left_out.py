"""Retry of what is merged says what it does not deploy, and why."""

from qbot.domain.names import ServiceName
from qbot.domain.promotion import PromotionState
from qbot.operations.releases.overtaken import still_written
from tests.operations.releases.planning_scene import PlanningScene


async def test_what_a_rollback_has_put_back_is_named_with_it() -> None:
    shop = PlanningScene()
    shop.ahead("cart")
    shop.ahead("orders")
    failed = shop.merge(7, await shop.promote(), state=PromotionState.FAILED)
    shop.merge(8, await shop.roll_back("cart"))
    case = shop.case(shop.asked())
    case.promotion = failed
    told = await still_written(case)
    await case.run.close()
    assert told == "Left out, as P-8 has changed it since: cart."
    assert case.services == (ServiceName("orders"),)
    assert case.tracker.progress.left_out == (("cart", 8),)
