"""A rollback waits for nobody's approval of something else: what only waits gives way to it."""

import asyncio
from dataclasses import replace

import pytest

from qbot.domain.changes import CardChanged, Change
from qbot.domain.inputs import PromoteInput
from qbot.domain.operation import Claim, Submission, Submitted
from qbot.domain.progress import End
from qbot.domain.promotion import (
    DECISION,
    Promotion,
    PromotionState,
)
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import (
    PlaceTaken,
    PromotionMoved,
    PromotionOpened,
    PromotionPlanned,
)
from qbot.errors import UserError
from tests.clocks import START
from tests.store.promoting import (
    CART,
    MERGE_REQUEST,
    PRODUCTION,
    WEB,
    begun,
    carried,
    going_back,
    moved,
    opened,
    plan,
    took_over,
    wish,
    word,
)
from tests.store.wishes import BEN, Wishes

WHY = "P-2, a rollback of the same services, took its place."

REST = "P-2, a rollback, took the place of a part of it. Retry goes on with the other services."


async def taken(wishes: Wishes) -> dict[str, int]:
    rows = await wishes.look("select service, promotion from promotion_services")
    return {row["service"]: row["promotion"] for row in rows}


async def test_what_waits_for_people_ends_when_a_rollback_begins(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART, WEB)
    await wishes.database.promotions.decide(word(first), rule="")
    _, back = await took_over(wishes, CART)
    found = await carried(wishes, claim.operation)
    assert (found.state, found.reason, found.ended_at) == (PromotionState.CANCELLED, WHY, START)
    (approval,) = await wishes.database.promotions.approvals(first.id)
    assert approval.void == WHY
    assert await taken(wishes) == {CART: back.id}
    (row,) = await wishes.look("select * from audit where action = 'promotion.superseded'")
    assert (row["user_id"], row["op_id"]) == (BEN.user, claim.operation.id)
    assert await wishes.database.promotions.decide(word(first), rule="") is None


async def test_its_operation_is_woken_to_close_the_merge_request(wishes: Wishes) -> None:
    claim, _ = await opened(wishes, CART)
    assert await wishes.journal.nap(claim, DECISION, START.replace(year=2030)) is None
    await took_over(wishes, CART)
    (again,) = await wishes.claim()
    assert again.operation.id == claim.operation.id
    assert again.operation.cancel_by == BEN


async def test_its_card_says_what_took_its_place(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART)
    await took_over(wishes, CART)
    shown = (await wishes.operation(claim.operation.id)).progress
    assert isinstance(shown, StageProgress)
    over = replace(
        shown, state=PromotionState.CANCELLED, end=End.CANCELLED, headline="It was withdrawn."
    )
    withdrawn = PromotionMoved(first.id, PromotionState.CANCELLED, reason="It was withdrawn.")
    await wishes.journal.finish(
        claim, End.CANCELLED, "It was withdrawn.", [withdrawn, CardChanged(over)]
    )
    operation = await wishes.operation(claim.operation.id)
    assert isinstance(operation.progress, StageProgress)
    assert (operation.headline, operation.progress.headline) == (WHY, WHY)
    assert (await carried(wishes, operation)).reason == WHY


async def test_what_is_so_in_gitlab_is_written_all_the_same(wishes: Wishes) -> None:
    """Its merge request, which has to be closed, and a merge that nobody undid."""
    claim, first = await begun(wishes, CART)
    await wishes.journal.commit(claim, "plan", 1, [PromotionPlanned(first.id, plan(CART))])
    await took_over(wishes, CART)
    late: list[Change] = [
        PromotionOpened(first.id, MERGE_REQUEST, START),
        PromotionMoved(first.id, PromotionState.MERGED, "f" * 40),
    ]
    await wishes.journal.commit(claim, "late", 1, late)
    found = await carried(wishes, claim.operation)
    assert (found.state, found.merge_request) == (PromotionState.CANCELLED, MERGE_REQUEST)
    assert (found.merge_sha, found.merged_at) == ("f" * 40, START)


async def test_who_withdrew_is_who_asked_while_it_ran(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART)
    shown = (await wishes.operation(claim.operation.id)).progress
    assert isinstance(shown, StageProgress)
    await wishes.journal.request_cancel(claim.operation.id, BEN)
    over = replace(shown, state=PromotionState.CANCELLED, end=End.CANCELLED)
    withdrawn = PromotionMoved(first.id, PromotionState.CANCELLED, reason="Nothing was changed.")
    await wishes.journal.finish(
        claim, End.CANCELLED, "Nothing was changed.", [withdrawn, CardChanged(over)]
    )
    ended = (await wishes.operation(claim.operation.id)).progress
    assert isinstance(ended, StageProgress)
    assert ended.ended_by == BEN


async def test_nothing_that_it_still_says_brings_it_back(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART)
    _, back = await took_over(wishes, CART)
    late: list[Change] = [
        PromotionPlanned(first.id, plan(CART)),
        PromotionMoved(first.id, PromotionState.APPROVED),
    ]
    await wishes.journal.commit(claim, "late", 1, late)
    assert (await carried(wishes, claim.operation)).state is PromotionState.CANCELLED
    assert await taken(wishes) == {CART: back.id}


@pytest.mark.parametrize("over", [False, True])
async def test_what_a_rollback_will_end_looks_again_when_that_is_proposed_and_when_it_is_over(
    wishes: Wishes, *, over: bool
) -> None:
    claim, _ = await opened(wishes, CART)
    going, back = await going_back(wishes, CART)
    if over:
        change: Change = PromotionMoved(back.id, PromotionState.REFUSED)
    else:
        change = PromotionOpened(back.id, MERGE_REQUEST, START)
    assert await wishes.journal.nap(claim, DECISION, START.replace(year=2030)) is None
    await wishes.journal.commit(going, "goes on", 1, [change])
    assert [c.operation.id for c in await wishes.claim()] == [claim.operation.id]


async def test_a_rollback_that_is_refused_or_withdrawn_has_taken_nobodys_place(
    wishes: Wishes,
) -> None:
    claim, first = await opened(wishes, CART)
    await wishes.database.promotions.decide(word(first), rule="")
    going, back = await going_back(wishes, CART)
    refused = PromotionMoved(back.id, PromotionState.REFUSED, reason="frozen")
    await wishes.journal.finish(going, End.REFUSED, "frozen", [refused])
    assert (await carried(wishes, claim.operation)).state is PromotionState.OPEN
    assert await taken(wishes) == {CART: first.id}
    (approval,) = await wishes.database.promotions.approvals(first.id)
    assert approval.void == ""


@pytest.mark.parametrize("state", [PromotionState.APPROVED, PromotionState.MERGED])
async def test_what_is_approved_goes_first_and_hands_its_services_over(
    wishes: Wishes, state: PromotionState
) -> None:
    claim, first = await opened(wishes, CART, WEB)
    await moved(wishes, claim, PromotionMoved(first.id, state))
    _, back = await going_back(wishes, CART)
    assert (await carried(wishes, claim.operation)).state is state
    assert await taken(wishes) == {CART: first.id, WEB: first.id}
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.DONE, "f" * 40))
    assert await taken(wishes) == {CART: back.id}


@pytest.mark.parametrize("state", [PromotionState.APPROVED, PromotionState.MERGED])
async def test_what_is_carried_out_gives_way_when_the_rollback_begins(
    wishes: Wishes, state: PromotionState
) -> None:
    claim, first = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(first.id, state, "f" * 40))
    going, back = await going_back(wishes, CART)
    await wishes.journal.commit(going, "begins", 1, [PlaceTaken(back.id)])
    found = await carried(wishes, claim.operation)
    assert (found.state, found.reason) == (PromotionState.CANCELLED, WHY)
    assert found.merge_sha == "f" * 40
    assert await taken(wishes) == {CART: back.id}
    assert (await wishes.operation(claim.operation.id)).cancel_by == BEN


async def test_what_a_rollback_leaves_alone_of_a_merge_is_left_for_retry(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART, WEB)
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.MERGED, "f" * 40))
    going, back = await going_back(wishes, CART)
    await wishes.journal.commit(going, "begins", 1, [PlaceTaken(back.id)])
    found = await carried(wishes, claim.operation)
    assert (found.state, found.reason) == (PromotionState.FAILED, REST)
    assert (await wishes.operation(claim.operation.id)).cancel_by == BEN
    failed = PromotionMoved(first.id, PromotionState.FAILED, reason=REST)
    await wishes.journal.finish(claim, End.FAILED, REST, [failed])
    await moved(wishes, going, PromotionMoved(back.id, PromotionState.DONE, "e" * 40))
    shown = (await wishes.operation(claim.operation.id)).progress
    assert isinstance(shown, StageProgress)
    assert shown.overtaken_by is None
    again = await wishes.journal.submit(wish(CART, WEB, again=first.id))
    assert isinstance(again, Submitted)
    assert await taken(wishes) == {CART: first.id, WEB: first.id}


async def part_taken(wishes: Wishes) -> tuple[Promotion, Claim, Promotion]:
    """A rollback of a part has stopped a deployment, and goes on."""
    claim, first = await opened(wishes, CART, WEB)
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.MERGED, "f" * 40))
    going, back = await going_back(wishes, CART)
    await wishes.journal.commit(going, "begins", 1, [PlaceTaken(back.id)])
    failed = PromotionMoved(first.id, PromotionState.FAILED, reason=REST)
    await wishes.journal.finish(claim, End.FAILED, REST, [failed])
    return first, going, back


async def test_retry_need_not_wait_for_the_rollback_of_the_other_part(wishes: Wishes) -> None:
    first, _, back = await part_taken(wishes)
    again = await wishes.journal.submit(wish(CART, WEB, again=first.id))
    assert isinstance(again, Submitted)
    assert await taken(wishes) == {CART: back.id, WEB: first.id}
    assert await wishes.database.promotions.places(PRODUCTION) == await taken(wishes)


@pytest.mark.parametrize(("merge", "owner"), [("", True), ("e" * 40, False)])
async def test_what_a_rollback_did_not_change_after_all_goes_back_to_what_deploys_it(
    wishes: Wishes, merge: str, *, owner: bool
) -> None:
    first, going, back = await part_taken(wishes)
    await wishes.journal.submit(wish(CART, WEB, again=first.id))
    over = PromotionMoved(back.id, PromotionState.FAILED, merge, "x")
    await wishes.journal.finish(going, End.FAILED, "x", [over])
    left = {CART: first.id} if owner else {}
    assert await taken(wishes) == {WEB: first.id, **left}


async def test_an_emergency_has_what_goes_back_at_the_same_moment(wishes: Wishes) -> None:
    """It ends the rollback that had a part, and then the deployment that gets it back."""
    first, _, _ = await part_taken(wishes)
    await wishes.journal.submit(wish(CART, WEB, again=first.id))
    going, urgent = await going_back(wishes, CART, emergency=True)
    await wishes.journal.commit(going, "begins", 1, [PlaceTaken(urgent.id)])
    assert await taken(wishes) == {CART: urgent.id}


async def test_retry_of_what_a_rollback_has_as_a_whole_is_refused(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART)
    over = PromotionMoved(first.id, PromotionState.FAILED, "f" * 40, "x")
    await wishes.journal.finish(claim, End.FAILED, "x", [over])
    await going_back(wishes, CART)
    with pytest.raises(UserError, match="P-2 changes `cart` on `production` already"):
        await wishes.journal.submit(wish(CART, again=first.id))


async def test_what_is_stopped_is_not_taken_up_before_its_operation_has_ended(
    wishes: Wishes,
) -> None:
    claim, first = await opened(wishes, CART, WEB)
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.MERGED, "f" * 40))
    going, back = await going_back(wishes, CART)
    await wishes.journal.commit(going, "begins", 1, [PlaceTaken(back.id)])
    with pytest.raises(UserError, match="P-1 is just coming to its end: try again in a moment"):
        await wishes.journal.submit(wish(CART, WEB, again=first.id))


async def test_a_merge_that_comes_through_after_all_leaves_the_rest_for_retry(
    wishes: Wishes,
) -> None:
    claim, first = await opened(wishes, CART, WEB)
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.APPROVED))
    going, back = await going_back(wishes, CART)
    await wishes.journal.commit(going, "begins", 1, [PlaceTaken(back.id)])
    assert (await carried(wishes, claim.operation)).state is PromotionState.CANCELLED
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.MERGED, "f" * 40))
    found = await carried(wishes, claim.operation)
    assert (found.state, found.reason) == (PromotionState.FAILED, REST)


async def test_what_failed_before_a_merge_that_comes_through_after_all_is_told_of_it(
    wishes: Wishes,
) -> None:
    before, failed = await opened(wishes, CART)
    await moved(wishes, before, PromotionMoved(failed.id, PromotionState.MERGED, "e" * 40))
    change = PromotionMoved(failed.id, PromotionState.FAILED, reason="x")
    await wishes.journal.finish(before, End.FAILED, "x", [change])
    claim, late = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(late.id, PromotionState.APPROVED))
    going, back = await going_back(wishes, CART)
    await wishes.journal.commit(going, "begins", 1, [PlaceTaken(back.id)])
    await moved(wishes, claim, PromotionMoved(late.id, PromotionState.MERGED, "f" * 40))
    shown = (await wishes.operation(before.operation.id)).progress
    assert isinstance(shown, StageProgress)
    assert shown.overtaken_by == late.id


async def test_what_is_being_deployed_is_given_up_at_once(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART)
    give_up = wishes.database.promotions.give_up
    assert not await give_up(first.id, BEN)
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.MERGED, "f" * 40))
    assert await give_up(first.id, BEN, rule="approver-or-team")
    found = await carried(wishes, claim.operation)
    assert (found.state, found.reason) == (
        PromotionState.CANCELLED,
        "What is merged stays as it is.",
    )
    assert found.merge_sha == "f" * 40
    assert await taken(wishes) == {}
    assert (await wishes.operation(claim.operation.id)).cancel_by == BEN
    (row,) = await wishes.look("select user_id from audit where action = 'promotion.abandoned'")
    assert row["user_id"] == BEN.user


async def test_one_emergency_does_not_take_over_from_another(wishes: Wishes) -> None:
    claim, first = await going_back(wishes, CART, emergency=True)
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.MERGED, "f" * 40))
    with pytest.raises(UserError, match="P-1 changes `cart` on `production` already: it is being"):
        await going_back(wishes, CART, emergency=True)


async def test_what_failed_before_a_later_merge_is_told_of_it(wishes: Wishes) -> None:
    """Else its card offers to deploy it once more, or to take back what is not there."""
    claim, first = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.MERGED, "e" * 40))
    failed = PromotionMoved(first.id, PromotionState.FAILED, reason="x")
    await wishes.journal.finish(claim, End.FAILED, "x", [failed])
    going, back = await going_back(wishes, CART)
    await moved(wishes, going, PromotionMoved(back.id, PromotionState.MERGED, "f" * 40))
    shown = (await wishes.operation(claim.operation.id)).progress
    assert isinstance(shown, StageProgress)
    assert shown.overtaken_by == back.id


async def test_a_promotion_never_ends_another_nor_a_rollback(wishes: Wishes) -> None:
    await going_back(wishes, CART)
    claim, late = await begun(wishes, CART)
    with pytest.raises(UserError, match="P-1 changes `cart` on `production` already"):
        await wishes.journal.commit(claim, "p", 1, [PromotionPlanned(late.id, plan(CART))])


async def test_only_a_broken_glass_ends_another_rollback(wishes: Wishes) -> None:
    claim, _ = await going_back(wishes, CART)
    with pytest.raises(UserError, match="P-1 changes `cart`"):
        await going_back(wishes, CART)
    _, urgent = await took_over(wishes, CART, emergency=True)
    assert (await carried(wishes, claim.operation)).state is PromotionState.CANCELLED
    assert await taken(wishes) == {CART: urgent.id}


async def test_one_rollback_waits_behind_what_is_carried_out_unless_an_emergency_comes(
    wishes: Wishes,
) -> None:
    claim, first = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(first.id, PromotionState.MERGED, "f" * 40))
    waits, _ = await going_back(wishes, CART)
    with pytest.raises(UserError, match="P-2 changes `cart` on `production` already"):
        await going_back(wishes, CART)
    _, urgent = await took_over(wishes, CART, emergency=True)
    assert (await carried(wishes, waits.operation)).state is PromotionState.CANCELLED
    assert (await carried(wishes, claim.operation)).state is PromotionState.CANCELLED
    assert await taken(wishes) == {CART: urgent.id}


async def test_a_rollback_ends_every_promotion_in_its_way(wishes: Wishes) -> None:
    both = [await opened(wishes, CART), await opened(wishes, WEB)]
    await took_over(wishes, CART, WEB)
    for claim, _ in both:
        assert (await carried(wishes, claim.operation)).state is PromotionState.CANCELLED


async def test_an_approval_and_a_rollback_at_once_agree_on_who_was_first(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART)
    approved = PromotionMoved(first.id, PromotionState.APPROVED)
    _, (_, back) = await asyncio.gather(moved(wishes, claim, approved), took_over(wishes, CART))
    assert (await carried(wishes, claim.operation)).state is PromotionState.CANCELLED
    assert await taken(wishes) == {CART: back.id}


async def unclosed(wishes: Wishes) -> Promotion:
    """A rollback took its place, and its merge request could not be closed."""
    claim, first = await opened(wishes, CART)
    await took_over(wishes, CART)
    over = PromotionMoved(first.id, PromotionState.CANCELLED, reason="refused")
    await wishes.journal.finish(claim, End.FAILED, "refused", [over])
    return first


def given_up(promotion: Promotion) -> Submission:
    again = wish(CART, actor=BEN, again=promotion.id)
    assert isinstance(again.input, PromoteInput)
    return replace(again, input=replace(again.input, abandon=True))


async def test_what_it_replaced_and_could_not_close_is_withdrawn_again_and_stays_over(
    wishes: Wishes,
) -> None:
    first = await unclosed(wishes)
    with pytest.raises(UserError, match="P-1 cannot be tried again: it is superseded"):
        await wishes.journal.submit(wish(CART, again=first.id))
    answer = await wishes.journal.submit(given_up(first))
    assert isinstance(answer, Submitted)
    found = await carried(wishes, answer.operation)
    assert (found.id, found.state, found.word) == (1, PromotionState.CANCELLED, "superseded")
    (claim,) = [c for c in await wishes.claim() if c.operation.id == answer.operation.id]
    await wishes.journal.finish(claim, End.CANCELLED, "Nothing was changed.")
    shown = (await wishes.operation(answer.operation.id)).progress
    assert isinstance(shown, StageProgress)
    assert shown.overtaken_by == found.superseded_by == 2
    with pytest.raises(UserError, match="it is superseded"):  # it is closed now
        await wishes.journal.submit(given_up(first))
