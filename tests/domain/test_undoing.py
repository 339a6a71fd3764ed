"""Which promotions are taken back, and by whom."""

from dataclasses import replace
from datetime import timedelta

from qbot.domain.names import OpId, PromotionId, ServiceName
from qbot.domain.promotion import Promotion, PromotionKind, PromotionState, promotion_name
from qbot.domain.undoing import earlier, remaining, standing, undone
from qbot.operations.releases.reaching import before
from tests.clocks import START
from tests.store.promoting import CART, PRODUCTION, WEB, plan
from tests.store.wishes import ANA


def merged(number: int, *services: ServiceName, before: int | None = None) -> Promotion:
    """`before`: a rollback to before this one."""
    back = before is not None
    source = promotion_name(PromotionId(before)) if before is not None else "staging"
    return Promotion(
        id=PromotionId(number),
        op=OpId(f"op{number}"),
        kind=PromotionKind.ROLLBACK if back else PromotionKind.PROMOTION,
        stage=PRODUCTION,
        requester=ANA,
        account=None,
        state=PromotionState.DONE,
        created_at=START,
        merged_at=START + timedelta(minutes=number),
        plan=replace(plan(*services), source=source),
        merge_sha="d" * 40,
    )


def told(*promotions: Promotion) -> dict[int, int]:
    return {int(k): int(v.id) for k, v in undone(promotions).items()}


def test_what_nobody_took_back_is_not_undone() -> None:
    assert told(merged(1, CART), merged(2, CART)) == {}


def test_a_rollback_undoes_all_down_to_the_one_that_it_names() -> None:
    first, second, third = merged(1, CART), merged(2, CART), merged(3, CART, before=2)
    assert told(third, first, second) == {2: 3}
    assert told(first, second, merged(3, CART, before=1)) == {1: 3, 2: 3}


def test_the_last_of_several_rollbacks_is_the_one_that_undid_it() -> None:
    both, half = merged(1, CART, WEB), merged(2, CART, before=1)
    assert told(both, half) == {}
    assert told(both, half, merged(3, WEB, before=1)) == {1: 3}


def test_what_is_left_to_take_back_is_without_what_a_rollback_has_taken() -> None:
    rows = [merged(1, CART), merged(2, CART, WEB), merged(3, CART, before=2)]
    assert remaining(rows[1], rows) == (WEB,)
    assert before(rows[1], (WEB,), rows) is None  # the newest of them: no other is gone back to
    assert remaining(rows[0], rows) == (CART,)
    assert remaining(rows[1], rows[:1]) == (CART, WEB)


def test_what_was_promoted_after_a_rollback_stands() -> None:
    assert told(merged(1, CART), merged(2, CART, before=1), merged(3, CART)) == {1: 2}


def test_a_rollback_that_was_not_merged_undoes_nothing() -> None:
    assert told(merged(1, CART), replace(merged(2, CART, before=1), merge_sha="")) == {}


def moves(*steps: str) -> tuple[str, ...]:
    """Each step `old>new`, or `old>new<n`: a rollback to before the n-th."""
    rows = []
    for number, step in enumerate(steps, 1):
        versions, _, before = step.partition("<")
        old, new = versions.split(">")
        row = merged(number, CART, before=int(before) if before else None)
        assert row.plan
        edits = tuple(replace(e, old=old, new=new) for e in row.plan.edits)
        rows.append(replace(row, plan=replace(row.plan, edits=edits)))
    return earlier(rows, CART)


def test_one_goes_back_to_what_was_there_before() -> None:
    assert moves() == ()
    assert moves("a>b", "b>c") == ("a", "b")


def test_what_a_rollback_took_back_is_no_way_back() -> None:
    assert moves("a>b", "b>c", "c>b<2") == ("a",)
    assert moves("a>b", "b>c", "c>a<1") == ()
    assert moves("a>b", "b>a<1", "a>c") == ("a",)


def test_what_was_promoted_again_since_is_a_way_back() -> None:
    assert moves("a>b", "b>a<1", "a>b", "b>c") == ("a", "b")


def test_what_somebody_wrote_by_hand_in_between_was_there_as_well() -> None:
    assert moves("a>b", "x>c") == ("a", "b", "x")
    assert moves("a>b", "x>c", "c>x<2") == ("a", "b")


def test_what_later_ones_changed_stands_no_more_and_the_last_of_them_is_named() -> None:
    mine, before = merged(2, CART, WEB), merged(1, CART, WEB)
    cart, web = merged(3, CART), merged(4, WEB)
    unmerged = replace(web, merge_sha="")
    assert standing(mine, [before, mine, unmerged]) == ((CART, WEB), None)
    assert standing(mine, [cart, mine, before]) == ((WEB,), cart)
    assert standing(mine, [web, cart, mine]) == ((), web)


def test_what_was_merged_a_moment_ago_stands_for_who_read_it_before() -> None:
    mine, before = merged(2, CART, WEB), merged(1, CART)
    read_earlier = replace(mine, merged_at=None, merge_sha="")
    assert standing(read_earlier, [before, mine]) == ((CART, WEB), None)
    assert standing(read_earlier, [before, mine, merged(3, CART)]) == ((WEB,), merged(3, CART))
