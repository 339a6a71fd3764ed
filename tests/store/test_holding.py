"""A rollback that was superseded, and merged all the same, holds what is left to it."""

import pytest

from qbot.domain.names import ServiceName
from qbot.domain.promotion import PromotionState
from qbot.domain.release_changes import HoldsPlaced, PlaceTaken, PromotionMoved
from tests.store.promoting import CART, PRODUCTION, WEB, going_back, moved
from tests.store.wishes import Wishes


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("services", [(CART, WEB), (CART,)])
async def test_what_is_merged_late_holds_what_nobody_holds_who_took_its_place(
    wishes: Wishes, services: tuple[ServiceName, ...], *, first: bool
) -> None:
    claim, late = await going_back(wishes, *services)
    await moved(wishes, claim, PromotionMoved(late.id, PromotionState.APPROVED))
    going, urgent = await going_back(wishes, CART, emergency=True)
    await wishes.journal.commit(going, "begins", 1, [PlaceTaken(urgent.id)])
    if first:
        holds = HoldsPlaced(urgent.id, PRODUCTION, ((CART, "v8"),))
        await wishes.journal.commit(going, "holds", 1, [holds])
    came = PromotionMoved(late.id, PromotionState.MERGED, "f" * 40)
    holds = HoldsPlaced(late.id, PRODUCTION, tuple((service, "v7") for service in services))
    await wishes.journal.commit(claim, "late", 1, [came, holds])
    held = {h.service: (h.promotion, h.version) for h in await wishes.database.promotions.holds()}
    mine = dict.fromkeys(services, (late.id, "v7"))
    assert held == (mine | {CART: (urgent.id, "v8")} if first else mine)
