"""A rollback goes before what is open for its services, and both are told so."""

from dataclasses import replace

import pytest

from qbot.domain.names import PromotionId, ServiceName
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState
from qbot.domain.rivals import Rival, giving_way, going_before, taken_by
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


@pytest.mark.parametrize(
    ("state", "asked", "way_out"),
    [
        (PromotionState.OPEN, [CART], "Wait for it to end, or have it withdrawn."),
        (
            PromotionState.APPROVED,
            [CART, PAYMENTS],
            "Wait for it to end, have it withdrawn, or leave `cart` out.",
        ),
        (PromotionState.MERGED, [CART, PAYMENTS], "Wait for it to end, or leave `cart` out."),
        (PromotionState.MERGED, [CART], "Wait for it to end."),
    ],
)
def test_what_is_taken_is_told_with_what_can_be_done_in_its_state(
    state: PromotionState, asked: list[ServiceName], way_out: str
) -> None:
    refused = taken_by([Rival(replace(WAITS, state=state), {CART})], asked)
    lead = f"`show {WAITS.name}` says whose it is and leads to its card."
    assert refused.hint == f"{lead} {way_out}"


def test_of_several_all_are_named_and_withdrawing_one_is_no_way_out() -> None:
    other = replace(WAITS, id=PromotionId(8), state=PromotionState.MERGED)
    both = [Rival(WAITS, {CART}), Rival(other, {PAYMENTS, ServiceName("web")})]
    refused = taken_by(both, [CART, PAYMENTS, ServiceName("web"), ServiceName("x")])
    assert "P-8 changes `payments` and `web` on" in str(refused)
    assert refused.hint.endswith("Wait for them to end, or leave `cart`, `payments` and `web` out.")
