"""Of two who end a promotion at one moment the first decides; the other looks again."""

from collections.abc import Awaitable, Callable

import pytest

from qbot.domain.changes import Change
from qbot.domain.operation import Claim
from qbot.domain.ports import EndedMeanwhile
from qbot.domain.progress import End
from qbot.domain.promotion import Promotion, PromotionState
from qbot.domain.release_changes import PlaceTaken, PromotionMoved
from qbot.operations.engine import Outcome, Run
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.store.promoting import CART, ask, carried, going_back, moved, opened
from tests.store.wishes import BEN, Wishes, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]

Begin = Callable[[Wishes], Awaitable[tuple[Claim, Promotion]]]
ENDS = [(PromotionState.DONE, End.SUCCEEDED), (PromotionState.FAILED, End.FAILED)]


async def deploying(wishes: Wishes) -> tuple[Claim, Promotion]:
    claim, promotion = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(promotion.id, PromotionState.MERGED, "f" * 40))
    return claim, promotion


async def agreed(wishes: Wishes) -> tuple[Claim, Promotion]:
    """Not merged yet."""
    claim, promotion = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(promotion.id, PromotionState.APPROVED))
    return claim, promotion


async def refused(wishes: Wishes, claim: Claim, promotion: Promotion, *end: object) -> None:
    """The operation ends as if nobody had; nothing of that is written."""
    state, outcome = end
    assert isinstance(state, PromotionState)
    assert isinstance(outcome, End)
    with pytest.raises(EndedMeanwhile):
        await wishes.journal.finish(claim, outcome, "", [PromotionMoved(promotion.id, state)])
    assert (await carried(wishes, claim.operation)).state is PromotionState.CANCELLED
    assert (await wishes.operation(claim.operation.id)).end is None


@pytest.mark.parametrize("end", ENDS)
async def test_what_was_abandoned_does_not_end_as_done_nor_as_failed(
    wishes: Wishes, end: tuple[PromotionState, End]
) -> None:
    claim, promotion = await deploying(wishes)
    assert await wishes.database.promotions.give_up(promotion.id, BEN)
    await refused(wishes, claim, promotion, *end)


@pytest.mark.parametrize("begin", [deploying, agreed])
@pytest.mark.parametrize("end", ENDS)
async def test_what_a_rollback_took_over_does_not_end_as_done_nor_as_failed(
    wishes: Wishes, end: tuple[PromotionState, End], begin: Begin
) -> None:
    claim, promotion = await begin(wishes)
    going, back = await going_back(wishes, CART)
    await wishes.journal.commit(going, "begins", 1, [PlaceTaken(back.id)])
    await refused(wishes, claim, promotion, *end)


async def test_the_operation_starts_anew_and_ends_as_its_promotion_did(shop: Shop) -> None:
    goes: list[PromotionState] = []

    async def done() -> bool:
        return True

    async def body(run: Run) -> Outcome:
        row = await carried(shop.wishes, run.operation)
        goes.append(row.state)
        if row.state is PromotionState.CANCELLED:
            over: list[Change] = [PromotionMoved(row.id, row.state, reason=row.reason)]
            return Outcome(End.CANCELLED, row.reason, over)
        merged = PromotionMoved(row.id, PromotionState.MERGED, "f" * 40)
        await run.step("merge", done, changes=[merged])
        assert await shop.wishes.database.promotions.give_up(row.id, BEN)
        return Outcome(End.SUCCEEDED, "", [PromotionMoved(row.id, PromotionState.DONE)])

    await shop.engine(body)
    ended = await shop.ended((await ask(shop.wishes, CART)).id)
    assert (ended.end, ended.headline) == (End.CANCELLED, "What is merged stays as it is.")
    assert goes == [PromotionState.RESOLVING, PromotionState.CANCELLED]
