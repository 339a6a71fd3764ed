"""Rows of promotions: made with the operation, one open for each service, never left behind."""

import asyncio
from dataclasses import replace

import pytest

from qbot.domain.changes import CardChanged, Change
from qbot.domain.inputs import JobInput, PromoteInput, RollbackInput
from qbot.domain.names import OpId, PromotionId, ServiceName
from qbot.domain.operation import Submission, Submitted
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind, Step
from qbot.domain.promotion import DECISION, Account, Promotion, PromotionState, Verdict
from qbot.domain.release import Change as Line
from qbot.domain.release import Diff, StageProgress
from qbot.domain.release_changes import (
    ApprovalsVoided,
    HoldsPlaced,
    PromotionMoved,
    PromotionOpened,
    PromotionPlanned,
)
from qbot.errors import UserError
from tests.clocks import START, HandClock
from tests.store.promoting import (
    CART,
    MERGE_REQUEST,
    PRODUCTION,
    STAGING,
    WEB,
    ask,
    back_wish,
    begun,
    carried,
    moved,
    opened,
    plan,
    said,
    wish,
    word,
)
from tests.store.wishes import ANA, BEN, Wishes, key

CHLOE = Actor("T1", "UCHLOE")
PAY = ServiceName("payments")


async def state(wishes: Wishes, promotion: Promotion) -> PromotionState:
    found = await wishes.database.promotions.promotion(promotion.id)
    assert found
    return found.state


async def failed(wishes: Wishes, *services: ServiceName) -> Promotion:
    """One whose merge was refused."""
    claim, promotion = await opened(wishes, *services)
    end = PromotionMoved(promotion.id, PromotionState.FAILED, reason="GitLab refuses.")
    await wishes.journal.finish(claim, End.FAILED, "GitLab refuses.", [end])
    return await carried(wishes, claim.operation)


def giving_up(promotion: Promotion) -> Submission:
    asked = wish(CART, again=promotion.id)
    assert isinstance(asked.input, PromoteInput)
    return replace(asked, input=replace(asked.input, abandon=True))


# The request


async def test_a_promotion_is_written_with_its_operation(wishes: Wishes) -> None:
    operation = await ask(wishes, CART, reason="a fix")
    promotion = await carried(wishes, operation)
    assert (promotion.name, promotion.state, promotion.requester) == (
        "P-1",
        PromotionState.RESOLVING,
        ANA,
    )
    assert (promotion.account, promotion.reason) == (Account(1, "ana"), "a fix")
    shown = operation.progress
    assert isinstance(shown, StageProgress)
    assert (shown.step, shown.promotion, shown.source) == (Step.QUEUED, promotion.id, STAGING)
    (row,) = await wishes.look("select env_id, channel from cards")
    assert row == {"env_id": "stage:production", "channel": "C1"}
    (row,) = await wishes.look("select action, detail from audit")
    assert row["action"] == "promote.requested"
    assert '"promotion":"P-1"' in row["detail"]


async def test_the_same_promotion_joins_the_one_under_way(wishes: Wishes) -> None:
    first = await ask(wishes, CART)
    answer = await wishes.journal.submit(wish(CART, actor=BEN))
    assert isinstance(answer, Submitted)
    assert (answer.operation.id, answer.fresh) == (first.id, False)
    assert (await ask(wishes, WEB)).id != first.id
    assert len(await wishes.database.promotions.promotions(PRODUCTION, limit=9)) == 2


async def test_a_dry_run_has_no_row(wishes: Wishes) -> None:
    dry = PromoteInput(STAGING, None, PRODUCTION, dry_run=True)
    asked = Submission(Kind.PROMOTE, dry, None, ANA, Place("C1"), key(), stage=PRODUCTION)
    answer = await wishes.journal.submit(asked)
    assert isinstance(answer, Submitted)
    assert answer.operation.progress is None
    assert await wishes.database.promotions.of_operation(answer.operation.id) is None


async def test_jobs_of_a_stage_are_told_newest_first(wishes: Wishes) -> None:
    async def begun(name: str) -> OpId:
        asked = JobInput(name, PRODUCTION)
        wish = Submission(Kind.JOB, asked, None, ANA, Place("C1"), key(), stage=PRODUCTION)
        answer = await wishes.journal.submit(wish)
        assert isinstance(answer, Submitted)
        return answer.operation.id

    one = await begun("smoke")
    await ask(wishes, CART)
    two, store = await begun("e2e"), wishes.database.store
    assert [o.id for o in await store.stage_jobs(PRODUCTION, limit=5)] == [two, one]
    assert [o.id for o in await store.stage_jobs(PRODUCTION, limit=1)] == [two]
    assert await store.stage_jobs(STAGING, limit=5) == []


# One open promotion for each service


async def test_a_service_has_one_open_promotion(wishes: Wishes) -> None:
    await opened(wishes, CART)
    claim, late = await begun(wishes, CART, WEB)
    told = "P-1 changes `cart` on `production` already: it waits"
    with pytest.raises(UserError, match=told) as refused:
        await wishes.journal.commit(claim, "p", 1, [PromotionPlanned(late.id, plan(CART, WEB))])
    assert refused.value.hint.startswith("`show P-1` says whose it is")
    assert (await carried(wishes, claim.operation)).plan is None
    await wishes.journal.commit(claim, "p2", 1, [PromotionPlanned(late.id, plan(WEB))])


async def test_a_refusal_names_all_that_is_taken_and_by_whom(wishes: Wishes) -> None:
    """Else each service that is left out leads to the next refusal."""
    merged, first = await opened(wishes, CART, PAY)
    await moved(wishes, merged, PromotionMoved(first.id, PromotionState.MERGED, "f" * 40))
    await opened(wishes, WEB)
    claim, late = await begun(wishes, CART, PAY, WEB)
    change = PromotionPlanned(late.id, plan(CART, PAY, WEB))
    with pytest.raises(UserError) as refused:
        await wishes.journal.commit(claim, "p", 1, [change])
    assert str(refused.value) == (
        "P-1 changes `cart` and `payments` on `production` already: it is being deployed. "
        "P-2 changes `web` on `production` already: it waits for approval."
    )
    assert refused.value.hint == (
        "`show P-1` and `show P-2` say whose they are. Wait for them to end."
    )


async def test_of_two_at_once_one_is_refused(wishes: Wishes) -> None:
    both = [await begun(wishes, CART, WEB), await begun(wishes, WEB, CART)]
    told = await asyncio.gather(
        *(
            wishes.journal.commit(claim, "p", 1, [PromotionPlanned(p.id, plan(*order))])
            for (claim, p), order in zip(both, ((CART, WEB), (WEB, CART)), strict=True)
        ),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in told) == ["UserError", "bool"]


async def test_an_ended_promotion_frees_its_services(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART)
    over = PromotionMoved(first.id, PromotionState.EXPIRED, reason="late")
    await wishes.journal.finish(claim, End.CANCELLED, "", [over])
    ended = await carried(wishes, claim.operation)
    assert (ended.state, ended.reason, ended.ended_at) == (PromotionState.EXPIRED, "late", START)
    _, second = await opened(wishes, CART)
    assert second.state is PromotionState.OPEN


async def test_a_promotion_that_changes_its_plan_keeps_only_what_it_needs(wishes: Wishes) -> None:
    claim, first = await opened(wishes, CART, WEB)
    await wishes.journal.commit(claim, "again", 1, [PromotionPlanned(first.id, plan(WEB))])
    assert (await opened(wishes, CART))[1].state is PromotionState.OPEN


async def test_an_opened_promotion_is_read_back_whole(wishes: Wishes) -> None:
    claim, _ = await opened(wishes, CART)
    merged = PromotionMoved((await carried(wishes, claim.operation)).id, PromotionState.MERGED, "f")
    await moved(wishes, claim, merged)
    found = await carried(wishes, claim.operation)
    assert (found.plan, found.merge_request, found.merge_sha) == (plan(CART), MERGE_REQUEST, "f")
    assert (found.expires_at, found.ended_at) == (START, None)


async def test_nobody_moves_the_promotion_of_another_operation(wishes: Wishes) -> None:
    claim, _ = await begun(wishes, CART)
    _, other = await begun(wishes, WEB)
    with pytest.raises(ValueError, match="not carried"):
        await moved(wishes, claim, PromotionMoved(other.id, PromotionState.DONE))


# What people say


async def test_a_word_is_written_with_its_audit_row_and_wakes(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    assert await wishes.journal.nap(claim, DECISION, START.replace(year=2030)) is None
    found = await wishes.database.promotions.decide(word(promotion), rule="approver:managers")
    assert said(found) == [("UBEN", "")]
    assert len(await wishes.claim()) == 1
    (row,) = await wishes.look("select * from audit where action = 'promotion.approval'")
    assert (row["user_id"], row["env_id"]) == ("UBEN", "stage:production")
    assert '"rule":"approver:managers"' in row["detail"]


async def test_a_second_word_of_a_person_changes_nothing(wishes: Wishes) -> None:
    _, promotion = await opened(wishes, CART)
    decide = wishes.database.promotions.decide
    await decide(word(promotion), rule="")
    no = word(promotion, verdict=Verdict.REJECTED)
    assert said(await decide(no, rule="")) == [("UBEN", "")]
    same_account = word(promotion, actor=CHLOE)
    assert said(await decide(same_account, rule="")) == [("UBEN", "")]
    other = word(promotion, actor=CHLOE, account=Account(3, "chloe"))
    assert said(await decide(other, rule="")) == [("UBEN", ""), ("UCHLOE", "")]
    assert len(await wishes.look("select seq from op_signals")) == 2


async def test_two_presses_at_once_are_one_word(wishes: Wishes) -> None:
    _, promotion = await opened(wishes, CART)
    decide = wishes.database.promotions.decide
    answers = await asyncio.gather(*(decide(word(promotion), rule="") for _ in range(8)))
    assert all(said(answer) == [("UBEN", "")] for answer in answers)


async def test_presses_and_the_operations_own_steps_do_not_block_each_other(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    people = [Actor("T1", f"U{n}") for n in range(6)]
    words = [word(promotion, actor=a, account=Account(n, a.user)) for n, a in enumerate(people)]
    steps: list[Change] = [
        ApprovalsVoided(promotion.id, "moved"),
        PromotionPlanned(promotion.id, plan(CART)),
    ]
    await asyncio.gather(
        *(wishes.database.promotions.decide(w, rule="") for w in words),
        *(wishes.journal.commit(claim, f"s{n}", n, steps) for n in range(6)),
    )
    assert len(await wishes.database.promotions.approvals(promotion.id)) == 6


async def test_what_became_void_can_be_said_again(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    decide = wishes.database.promotions.decide
    await decide(word(promotion), rule="")
    await wishes.journal.commit(claim, "v", 1, [ApprovalsVoided(promotion.id, "moved")])
    assert said(await decide(word(promotion), rule="")) == [("UBEN", "moved"), ("UBEN", "")]


async def test_nobody_is_asked_when_it_is_over(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    decide = wishes.database.promotions.decide
    await moved(wishes, claim, PromotionMoved(promotion.id, PromotionState.APPROVED))
    assert await decide(word(promotion), rule="") is None
    assert await decide(word(promotion, verdict=Verdict.REJECTED), rule="")
    await moved(wishes, claim, PromotionMoved(promotion.id, PromotionState.MERGED))
    assert await decide(word(promotion, actor=CHLOE, verdict=Verdict.REJECTED), rule="") is None


# Again


async def test_a_failed_promotion_is_taken_up_again(wishes: Wishes) -> None:
    before = await failed(wishes, CART)
    assert (before.state, before.reason) == (PromotionState.FAILED, "GitLab refuses.")
    answer = await wishes.journal.submit(wish(CART, actor=BEN, again=before.id))
    assert isinstance(answer, Submitted)
    after = await carried(wishes, answer.operation)
    assert (after.id, after.state, after.requester) == (before.id, PromotionState.OPEN, ANA)
    assert (after.reason, after.ended_at) == ("", None)
    shown = answer.operation.progress
    assert isinstance(shown, StageProgress)
    assert (shown.merge_request, len(shown.items)) == (MERGE_REQUEST.url, 1)
    card = await wishes.database.cards.card(before.op)
    assert card
    assert card.superseded
    assert card.followed_by == answer.operation.id


@pytest.mark.parametrize(("abandon", "asked"), [
    (False, "promote.retry-requested"), (True, "promote.abandon-requested"),
])  # fmt: skip
async def test_who_takes_it_up_again_is_told_beside_who_asked_for_it(
    wishes: Wishes,
    abandon: bool,
    asked: str,
) -> None:
    claim, first = await opened(wishes, CART)
    yes = word(first)
    shown = (await wishes.operation(claim.operation.id)).progress
    assert isinstance(shown, StageProgress)
    old = replace(shown, approvals=(yes,), exempted=("frozen",), held=(CART,))
    over = PromotionMoved(first.id, PromotionState.FAILED, reason="x")
    await wishes.journal.finish(claim, End.FAILED, "x", [over, CardChanged(old)])
    again = wish(CART, actor=BEN, again=first.id)
    assert isinstance(again.input, PromoteInput)
    answer = await wishes.journal.submit(
        replace(again, input=replace(again.input, abandon=abandon))
    )
    assert isinstance(answer, Submitted)
    new = answer.operation.progress
    assert isinstance(new, StageProgress)
    assert (new.actor, new.again_by, new.requested_at) == (ANA, BEN, first.created_at)
    assert (new.approvals, new.exempted, new.held) == ((yes,), ("frozen",), (CART,))
    assert (new.given_up, new.ended_by) == (abandon, BEN if abandon else None)
    (row,) = await wishes.look("select user_id from audit where action = ?", asked)
    assert row["user_id"] == BEN.user
    card = await wishes.database.cards.card(first.op)
    assert card
    assert ("withdrawn" in card.superseded) is abandon


async def test_two_who_retry_at_once_share_one_operation(wishes: Wishes) -> None:
    before = await failed(wishes, CART)
    again = [wishes.journal.submit(wish(CART, again=before.id)) for _ in range(4)]
    answers = await asyncio.gather(*again)
    ops = {a.operation.id for a in answers if isinstance(a, Submitted)}
    assert len(ops) == 1


async def test_only_a_failed_one_can_be_tried_again(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    with pytest.raises(UserError, match="P-1 has been taken up again already"):
        await wishes.journal.submit(wish(WEB, again=promotion.id))
    await moved(wishes, claim, PromotionMoved(promotion.id, PromotionState.DONE))
    with pytest.raises(UserError, match="P-1 cannot be tried again: it is done"):
        await wishes.journal.submit(wish(WEB, again=promotion.id))
    assert len(await wishes.look("select id from operations")) == 1


async def test_a_retry_is_refused_where_another_has_the_service(wishes: Wishes) -> None:
    before = await failed(wishes, CART, WEB)
    await opened(wishes, CART)
    with pytest.raises(UserError, match="P-2 changes `cart`") as refused:
        await wishes.journal.submit(wish(CART, WEB, again=before.id))
    assert "out" not in refused.value.hint  # nothing of a Retry can be left out
    assert await state(wishes, before) is PromotionState.FAILED


# Ends that forget


async def test_an_end_that_forgot_its_promotion_leaves_it_failed(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    await wishes.journal.finish(claim, End.FAILED, "Something went wrong.")
    found = await carried(wishes, claim.operation)
    assert (found.state, found.reason) == (PromotionState.FAILED, "Something went wrong.")
    shown = (await wishes.operation(claim.operation.id)).progress
    assert isinstance(shown, StageProgress)
    assert (shown.state, shown.end) == (PromotionState.FAILED, End.FAILED)
    assert (await opened(wishes, CART))[1].id != promotion.id


@pytest.mark.parametrize(
    ("end", "left"),
    [
        (End.CANCELLED, PromotionState.CANCELLED),
        (End.REFUSED, PromotionState.REFUSED),
        (End.SUCCEEDED, PromotionState.FAILED),
    ],
)
async def test_before_a_merge_request_an_end_is_what_it_says(
    wishes: Wishes, end: End, left: PromotionState
) -> None:
    claim, promotion = await begun(wishes, CART)
    await wishes.journal.finish(claim, end, "")
    assert await state(wishes, promotion) is left


async def test_one_that_was_never_begun_is_cancelled_at_once(wishes: Wishes) -> None:
    operation = await ask(wishes, CART)
    assert await wishes.journal.request_cancel(operation.id, ANA)
    assert (await carried(wishes, operation)).state is PromotionState.CANCELLED
    assert (await wishes.operation(operation.id)).end is End.CANCELLED


async def test_a_rollback_shows_from_the_start_where_it_goes(wishes: Wishes) -> None:
    back = back_wish(CART)
    assert isinstance(back.input, RollbackInput)
    assert back.request is not None
    to = PromotionId(3)
    answer = await wishes.journal.submit(
        replace(back, input=replace(back.input, to=to), request=replace(back.request, to=to))
    )
    assert isinstance(answer, Submitted)
    assert isinstance(answer.operation.progress, StageProgress)
    assert (answer.operation.progress.to, answer.operation.progress.source) == (to, "")


async def test_its_new_card_shows_who_asked_for_what(wishes: Wishes) -> None:
    claim, promotion = await begun(wishes, CART)
    lines = Diff((Line("production/cart.yaml", 3, "tag: v1", "tag: v2"),), 1, 1)
    steps: list[Change] = [
        PromotionPlanned(promotion.id, plan(CART), lines),
        PromotionOpened(promotion.id, MERGE_REQUEST, START),
        PromotionPlanned(promotion.id, plan(CART)),
    ]
    await wishes.journal.commit(claim, "propose", 1, steps)
    await wishes.journal.finish(claim, End.FAILED, "GitLab refuses.")
    answer = await wishes.journal.submit(wish(CART, actor=BEN, again=promotion.id))
    assert isinstance(answer, Submitted)
    shown = answer.operation.progress
    assert isinstance(shown, StageProgress)
    assert (shown.changes, shown.actor, answer.operation.actor) == (lines, ANA, BEN)


async def test_what_was_withdrawn_cannot_be_tried_again_but_given_up(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    assert await wishes.journal.request_cancel(claim.operation.id, ANA)
    await wishes.journal.finish(claim, End.FAILED, "GitLab refuses.")
    assert await state(wishes, promotion) is PromotionState.FAILED
    with pytest.raises(UserError, match="P-1 was withdrawn") as refused:
        await wishes.journal.submit(wish(CART, again=promotion.id))
    assert "Withdraw" in refused.value.hint
    assert await state(wishes, promotion) is PromotionState.FAILED
    assert isinstance(await wishes.journal.submit(giving_up(promotion)), Submitted)


async def test_what_was_merged_in_spite_of_it_is_seen_through(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    assert await wishes.journal.request_cancel(claim.operation.id, ANA)
    await moved(wishes, claim, PromotionMoved(promotion.id, PromotionState.MERGED, "f" * 40))
    await wishes.journal.finish(claim, End.FAILED, "cart is Degraded.")
    assert isinstance(await wishes.journal.submit(wish(CART, again=promotion.id)), Submitted)


async def test_a_retry_that_never_began_leaves_its_merge_request_to_be_closed(
    wishes: Wishes,
) -> None:
    before = await failed(wishes, CART)
    answer = await wishes.journal.submit(wish(CART, again=before.id))
    assert isinstance(answer, Submitted)
    assert await wishes.journal.request_cancel(answer.operation.id, ANA)
    assert await state(wishes, before) is PromotionState.FAILED
    with pytest.raises(UserError, match="P-1 was withdrawn"):
        await wishes.journal.submit(wish(CART, again=before.id))
    assert isinstance(await wishes.journal.submit(giving_up(before)), Submitted)


async def test_a_merged_promotion_is_taken_up_behind_its_merge(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(promotion.id, PromotionState.MERGED, "f" * 40))
    await wishes.journal.finish(claim, End.FAILED, "cart is Degraded.")
    await wishes.journal.submit(wish(CART, again=promotion.id))
    assert await state(wishes, promotion) is PromotionState.MERGED


async def test_when_it_was_merged_stays_what_it_was(wishes: Wishes, clock: HandClock) -> None:
    claim, promotion = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(promotion.id, PromotionState.MERGED, "f" * 40))
    clock.advance(60)
    await wishes.journal.finish(claim, End.FAILED, "cart is Degraded.")
    assert (await carried(wishes, claim.operation)).merged_at == START
    answer = await wishes.journal.submit(wish(CART, again=promotion.id))
    assert isinstance(answer, Submitted)
    (again,) = await wishes.claim()
    await moved(wishes, again, PromotionMoved(promotion.id, PromotionState.CANCELLED, "f" * 40))
    found = await carried(wishes, again.operation)
    assert (found.state, found.merged_at) == (PromotionState.CANCELLED, START)


async def test_a_rollback_holds_its_services(wishes: Wishes) -> None:
    claim, promotion = await opened(wishes, CART)
    placed = HoldsPlaced(promotion.id, PRODUCTION, ((CART, "v1"), (WEB, "v1")))
    await wishes.journal.commit(claim, "merge", 1, [placed])
    held = await wishes.database.promotions.holds(PRODUCTION)
    assert [(h.service, h.version, h.promotion) for h in held] == [
        (CART, "v1", promotion.id),
        (WEB, "v1", promotion.id),
    ]


async def test_promotions_are_listed_newest_first_and_by_state(wishes: Wishes) -> None:
    await failed(wishes, CART)
    await opened(wishes, WEB)
    rows = wishes.database.promotions
    assert [p.name for p in await rows.promotions(None, limit=9)] == ["P-2", "P-1"]
    only = await rows.promotions(PRODUCTION, limit=9, states=[PromotionState.FAILED])
    assert [p.name for p in only] == ["P-1"]
    assert await rows.promotions(STAGING, limit=9) == []
