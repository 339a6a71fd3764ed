"""Promotions: what an approval is bound to, and how people name them."""

import hashlib
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbot.domain.names import ProjectPath, PromotionId, StageName
from qbot.domain.promotion import (
    Edit,
    Plan,
    PromotionState,
    Version,
    branch_of,
    promotion_id,
    promotion_name,
)
from tests.domain.promoting import CART, PAYMENTS, edit, plan

PLAN = plan(edit(CART), edit(PAYMENTS), merges="c" * 40)
EDITS = st.lists(
    st.builds(edit, st.sampled_from([CART, PAYMENTS]), st.text(), st.text(), st.text()), min_size=1
)


CANONICAL = (
    '["production","shop/deployments","main","' + "c" * 40 + '",['
    '["cart","production/cart.yaml","tag","a","b"],'
    '["payments","production/payments.yaml","tag","a","\\u00e9"]]]'
)


def test_a_digest_is_that_of_canonical_json() -> None:
    """Approvals outlive a release of Qbot: the text must stay what it is."""
    named = plan(edit(PAYMENTS, new="é"), edit(CART), merges="c" * 40)
    assert named.digest == hashlib.sha256(CANONICAL.encode()).hexdigest()


@given(EDITS, st.randoms(use_true_random=False))
def test_the_order_of_edits_is_no_part_of_the_digest(edits: list[Edit], random: Random) -> None:
    mixed = list(edits)
    random.shuffle(mixed)
    assert plan(*mixed).digest == plan(*edits).digest


@given(EDITS, EDITS)
def test_other_edits_have_another_digest(edits: list[Edit], others: list[Edit]) -> None:
    def key(e: Edit) -> tuple[str, ...]:
        return (e.service, e.file, e.key, e.old, e.new)

    alike = sorted(map(key, edits)) == sorted(map(key, others))
    assert (plan(*edits).digest == plan(*others).digest) == alike


FIRST = PLAN.edits[0]


@pytest.mark.incident("approval-reused")
@pytest.mark.parametrize(
    "changed",
    [
        replace(PLAN, stage=StageName("staging")),
        replace(PLAN, project=ProjectPath("shop/other")),
        replace(PLAN, branch="stable"),
        replace(PLAN, merges="d" * 40),
        replace(PLAN, merges=""),
        replace(PLAN, edits=(FIRST,)),
        replace(PLAN, edits=(*PLAN.edits, FIRST)),
        *(
            replace(PLAN, edits=(changed, PLAN.edits[1]))
            for changed in (
                replace(FIRST, service=PAYMENTS),
                replace(FIRST, file="x"),
                replace(FIRST, key="x"),
                replace(FIRST, old="x"),
                replace(FIRST, new="x"),
                replace(FIRST, file=FIRST.file + FIRST.key, key=""),
                replace(FIRST, old=FIRST.new, new=FIRST.old),
            )
        ),
    ],
)
def test_a_change_of_anything_that_is_written_changes_the_digest(changed: Plan) -> None:
    assert changed.digest != PLAN.digest


@pytest.mark.parametrize(
    "same",
    [
        replace(PLAN, source="feat/x"),
        replace(PLAN, items=tuple(replace(i, commits=3, drift="x") for i in PLAN.items)),
        replace(
            PLAN, items=tuple(replace(i, new=Version(i.new.text, "e" * 40)) for i in PLAN.items)
        ),
    ],
)
def test_what_is_only_shown_is_no_part_of_the_digest(same: Plan) -> None:
    assert same.digest == PLAN.digest


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("P-123", 123),
        ("p-123", 123),
        ("p123", 123),
        ("P123", 123),
        ("#123", 123),
        ("#P-123", 123),
        ("123", 123),
        (" P-123 ", 123),
        ("", None),
        ("P-", None),
        ("P-1x", None),
        ("P-12.5", None),
        ("prod", None),
        ("--123", 123),
        ("P-²", None),
        ("9" * 11, 99_999_999_999),
        ("9" * 12, None),
    ],
)
def test_a_promotions_number_is_read(text: str, number: int | None) -> None:
    assert promotion_id(text) == number


@given(st.integers(0, 10**11 - 1))
def test_every_name_is_read_back(number: int) -> None:
    assert promotion_id(promotion_name(PromotionId(number))) == number
    assert branch_of(PromotionId(number)) == f"qbot/{promotion_name(PromotionId(number))}"


@given(st.text())
def test_whatever_is_typed_is_a_number_or_nothing(text: str) -> None:
    found = promotion_id(text)
    assert found is None or found >= 0


def test_a_promotion_takes_its_services_until_it_has_ended() -> None:
    taken = {state for state in PromotionState if state.open}
    assert taken == {
        PromotionState.RESOLVING,
        PromotionState.OPEN,
        PromotionState.APPROVED,
        PromotionState.MERGED,
    }
