"""`show` of a stage and of a promotion."""

from datetime import timedelta
from typing import cast

from qbot.domain import actions
from qbot.domain.barriers import Freeze
from qbot.domain.changes import CardWithdrawn
from qbot.domain.people import Actor
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from qbot.domain.release_changes import PromotionMoved
from qbot.sandbox.slack.seed import TEAM
from tests.operations.releases.fakes import FakeRepository
from tests.sandbox.slack.stage import ANA, BEN, CHLOE
from tests.slack.releases.stages import PRODUCTION, PROJECT, asked_for, moved, opened
from tests.slack.scene import Scene, said


async def shown(scene: Scene, text: str, user: str = BEN) -> str:
    await scene.type(text, user)
    await scene.settled()
    return said(scene.private(user)[-1])


async def test_a_stage_shows_what_is_under_way_in_the_way_and_was_last(shop: Scene) -> None:
    await moved(shop, PromotionState.DONE, End.SUCCEEDED, "d" * 40)
    await opened(shop)
    now = shop.database.clock.now()
    frozen = Freeze(PRODUCTION, Actor(TEAM, CHLOE), "incident 42", now, now + timedelta(hours=1))
    assert await shop.database.promotions.freeze(frozen)
    answer = await shown(shop, "show production")
    assert "`production` is frozen: incident 42" in answer
    assert "*P-2* waiting for approval" in answer
    assert "Go to its card" in answer
    assert "*P-1* done" in answer  # Argo CD does not say what runs
    assert "`/env promote staging production`" in answer
    assert actions.HISTORY_ON in answer


async def test_a_stage_shows_what_is_written_while_nobody_says_how_it_runs(shop: Scene) -> None:
    repository = cast("FakeRepository", shop.releases.context.repository)
    text = f"image:\n  tag: {'a' * 40}\n"
    repository.write(PROJECT, "main", {"production/cart.yaml": text})
    answer = await shown(shop, "show production")
    assert "How it runs is not known" in answer
    assert "Versions are those that `shop/deployments` asks for." in answer
    assert "*cart* `aaaaaaaa`" in answer


async def test_a_stage_of_which_nobody_says_anything_has_no_versions(shop: Scene) -> None:
    answer = await shown(shop, "show production")
    assert "How it runs is not known" in answer
    assert "What `shop/deployments` asks for is not known" in answer
    assert "*cart*" not in answer


async def test_a_promotion_shows_its_card_and_the_way_to_it(shop: Scene) -> None:
    number, _ = await opened(shop)
    answer = await shown(shop, f"show p-{number}", ANA)
    assert "P-1: staging → production" in answer
    assert "Go to its card" in answer
    assert actions.APPROVE not in answer
    assert actions.PROMO_DETAILS in answer


async def test_what_was_refused_is_shown_as_refused_with_why(shop: Scene) -> None:
    operation = await asked_for(shop)
    (claim, *_) = await shop.database.journal.claim("worker", 1)
    number = (await shop.database.promotions.promotions(PRODUCTION, limit=1))[0].id
    why = "`production` is frozen."
    refused = PromotionMoved(number, PromotionState.REFUSED, reason=why)
    await shop.database.journal.finish(claim, End.REFUSED, why, [refused, CardWithdrawn()])
    answer = await shown(shop, f"show P-{number}", ANA)
    assert claim.operation.id == operation.id
    assert "P-1 was refused, and changed nothing. `production` is frozen." in answer


async def test_a_promotion_that_there_is_not_is_told(shop: Scene) -> None:
    answer = await shown(shop, "show P-77")
    assert "There is no promotion P-77" in answer
    assert "Those of a stage: `/env history staging`, `/env history production`." in answer
