"""Nothing is left to promote: said with what of it does not run yet."""

import pytest

from qbot.domain.promotion import PromotionState
from qbot.errors import UserError
from tests.operations.releases.planning_scene import PRODUCTION, PlanningScene


@pytest.fixture
def shop() -> PlanningScene:
    return PlanningScene()


async def refusal(shop: PlanningScene) -> str:
    with pytest.raises(UserError) as refused:
        await shop.promote()
    return f"{refused.value} {refused.value.hint}"


async def test_nothing_to_promote_is_said(shop: PlanningScene) -> None:
    assert "`production` has the versions of `staging` already. " in await refusal(shop)


async def test_what_has_nothing_new_is_named_where_only_that_was_asked_for(
    shop: PlanningScene,
) -> None:
    with pytest.raises(UserError, match="has the versions of `cart` of `staging` already"):
        await shop.promote("cart")


async def test_what_is_written_and_does_not_run_is_said_where_nothing_is_left_to_promote(
    shop: PlanningScene,
) -> None:
    shop.declare(PRODUCTION, "cart", sha := shop.ahead("cart"))
    assert (
        f"already, as far as they are written. Not all of it runs: `cart`: `{sha[:8]}` is written"
    ) in (said := await refusal(shop))
    assert said.endswith(". A sync in Argo CD deploys it.")


@pytest.mark.parametrize(
    ("state", "way"),
    [
        (PromotionState.FAILED, "Retry of P-12 deploys it (`show P-12` leads to its card); so"),
        (
            PromotionState.CLOSED,
            "P-12, which wrote it, was merged past Qbot and offers no Retry. A sync in Argo CD",
        ),
    ],
)
async def test_the_way_on_is_one_that_the_card_of_what_wrote_it_offers(
    shop: PlanningScene, state: PromotionState, way: str
) -> None:
    old = shop.commit("cart")
    shop.ahead("cart")
    shop.merge(12, await shop.promote(), state=state)
    shop.run(PRODUCTION, "cart", old, sync="OutOfSync")
    assert way in await refusal(shop)


async def test_what_is_written_and_being_deployed_leads_to_that_promotion(
    shop: PlanningScene,
) -> None:
    sha = shop.ahead("cart")
    shop.merge(12, await shop.promote(), state=PromotionState.MERGED)
    shop.run(PRODUCTION, "cart", sha, sync="OutOfSync")
    assert "Under way with P-12: `show P-12` says how far." in await refusal(shop)


async def test_where_argo_cd_does_not_say_what_runs_nothing_is_told_of_it(
    shop: PlanningScene,
) -> None:
    shop.change_stage(PRODUCTION, instance="nowhere")
    assert "already. `diff staging production` shows both sides." in await refusal(shop)
