"""A rollback goes before what is open for its services, and both are told so."""

from dataclasses import replace

import pytest

from qbot.domain.names import PromotionId
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState
from qbot.domain.rivals import giving_way, going_before
from tests.domain.promoting import CART, PAYMENTS, PROMOTION, edit, plan

WAITS = replace(PROMOTION, plan=plan(), state=PromotionState.OPEN)
BACK = replace(WAITS, id=PromotionId(9), kind=PromotionKind.ROLLBACK)
URGENT = replace(BACK, id=PromotionId(10), emergency=True)


@pytest.mark.parametrize(
    ("mine", "other", "ends"),
    [
        (BACK, WAITS, True),
        (BACK, replace(WAITS, state=PromotionState.MERGED), True),
        (BACK, replace(WAITS, plan=plan(edit(PAYMENTS))), False),
        (BACK, replace(WAITS, plan=None), False),
        (BACK, replace(BACK, id=PromotionId(8)), False),
        (BACK, URGENT, False),
        (URGENT, BACK, True),
        (WAITS, BACK, False),
    ],
)
def test_a_rollback_ends_promotions_and_an_emergency_rollbacks_as_well(
    mine: Promotion, other: Promotion, *, ends: bool
) -> None:
    assert giving_way(mine, (CART,), [other]) == ((other.id,) if ends else ())


def test_what_goes_before_a_promotion_is_told_once_it_is_proposed() -> None:
    early = replace(BACK, id=PromotionId(11), state=PromotionState.RESOLVING)
    assert going_before(WAITS, [BACK, early, WAITS]) == (BACK.id,)
