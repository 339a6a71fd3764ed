"""Withdrawn, or merged all the same: what GitLab has made of it decides what is said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.operation import Operation
from qbot.domain.progress import End
from qbot.domain.promotion import Promotion, PromotionState
from qbot.domain.release import Bypass, StageProgress
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.promote import promote
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.releases.merge_scene import (
    EARLIER,
    MERGED,
    Repository,
    agreed,
    context_of,
    number_of,
    words,
)
from tests.store.promoting import CART, MERGE_REQUEST, ask, carried, word
from tests.store.wishes import ANA, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]
LATE = "it had been merged by hand before"


async def withdrawn(
    shop: Shop, state: str, *, ours: bool = True, asked: bool = True, target: str = "main"
) -> tuple[Operation, Promotion]:
    """Asked to stop after people had agreed."""
    repository = Repository(state, "", target=target)
    context = context_of(shop, repository)

    async def body(run: Run) -> Outcome:
        repository.words = words(number_of(run)) if ours else "Merge branch"
        await shop.wishes.journal.request_cancel(run.operation.id, ANA)
        with run.ignoring_cancel():
            await agreed(run, asked=asked)
        return await promote(run, context)

    await shop.engine(body)
    operation = await shop.ended((await ask(shop.wishes, CART)).id)
    assert repository.closed == 1
    return operation, await carried(shop.wishes, operation)


async def resumed(
    shop: Shop, said: str, parents: int = 2, *, by: str = "dan"
) -> tuple[Operation, Promotion]:
    """Died between the merge and its record: GitLab has merged what the database calls approved."""
    parents_of = ("1" * 40, MERGE_REQUEST.sha)[:parents]
    repository = Repository("merged", said, parents_of, lost=0, merged_by=by)
    context = context_of(shop, repository)

    async def body(run: Run) -> Outcome:
        repository.words = said or words(number_of(run))
        await agreed(run)
        return await promote(run, context)

    await shop.engine(body)
    operation = await shop.ended((await ask(shop.wishes, CART)).id)
    return operation, await carried(shop.wishes, operation)


@pytest.mark.parametrize(("words", "parents"), [("", 2), ("Merge branch", 1)])
async def test_a_merge_that_a_crash_kept_from_being_recorded_is_known_as_ones_own(
    shop: Shop, words: str, parents: int
) -> None:
    """By its words; a fast-forward has none, but was done by Qbot's account."""
    operation, promotion = await resumed(shop, words, parents, by="qbot")
    assert (promotion.merge_sha, promotion.merged_at) == (MERGED, EARLIER)
    assert operation.headline == "Argo CD of production is not set up."  # on to the deployment
    merged = await shop.wishes.look("select * from audit where action = 'promotion.merged'")
    assert len(merged) == 1


async def test_a_fast_forward_by_somebody_else_is_not_ones_own(shop: Shop) -> None:
    operation, promotion = await resumed(shop, "Put cart up", parents=1)
    assert (promotion.state, promotion.merge_sha) == (PromotionState.CLOSED, MERGED)
    assert "`dan` merged it by hand" in operation.headline


async def test_a_merge_in_somebody_elses_words_is_not(shop: Shop) -> None:
    operation, promotion = await resumed(shop, "Merge branch 'qbot/P-1' into 'main'")
    assert (promotion.state, promotion.merge_sha) == (PromotionState.CLOSED, MERGED)
    assert operation.headline == (
        "`dan` merged it by hand in GitLab, past Qbot, when it had 0 of 1 approvals. "
        "What it changes is written in `main` of `shop/deployments` now."
    )
    assert isinstance(operation.progress, StageProgress)
    assert operation.progress.bypass == Bypass("dan", had="0 of 1")
    (row,) = await shop.wishes.look("select * from audit where action = 'promotion.bypassed'")
    assert '"by":"dan"' in row["detail"]
    assert row["user_id"] == ""  # it is not the requester's doing


@pytest.mark.parametrize(("hours", "had", "void"), [(-1, "1 of 1", ""), (1, "0 of 1", LATE)])
async def test_of_a_merge_by_hand_counts_what_was_approved_before_it(
    shop: Shop, hours: int, had: str, void: str
) -> None:
    rows = shop.wishes.database.promotions
    context = context_of(shop, Repository("merged", "Merge branch", lost=0))

    async def body(run: Run) -> Outcome:
        await agreed(run, moves=PromotionState.OPEN)
        promotion = await rows.promotion(number_of(run))
        assert promotion
        said = replace(word(promotion), at=EARLIER + timedelta(hours=hours))
        assert await rows.decide(said, rule="approver")
        return await promote(run, context)

    await shop.engine(body)
    operation = await shop.ended((await ask(shop.wishes, CART)).id)
    assert f"when it had {had} approvals. " in operation.headline
    assert ("`ben` said came after that" in operation.headline) is bool(void)
    promotion = await carried(shop.wishes, operation)
    assert [a.void for a in await rows.approvals(promotion.id)] == [void]
    assert isinstance(operation.progress, StageProgress)
    assert [a.void for a in operation.progress.approvals] == [void]
    (row,) = await shop.wishes.look("select * from audit where action = 'promotion.bypassed'")
    assert f'"approvals":"{had}"' in row["detail"]


async def test_a_merge_whose_answer_was_lost_is_seen_through_and_not_called_withdrawn(
    shop: Shop,
) -> None:
    operation, promotion = await withdrawn(shop, "merged")
    assert promotion.merged_at == EARLIER  # not when it was looked at
    assert (promotion.state, promotion.merge_sha) == (PromotionState.FAILED, MERGED)
    assert (operation.end, operation.headline) == (
        End.FAILED,
        "Argo CD of production is not set up.",
    )
    shown = operation.progress
    assert isinstance(shown, StageProgress)
    assert shown.merged_sha == MERGED


async def test_what_nobody_merged_is_withdrawn(shop: Shop) -> None:
    operation, promotion = await withdrawn(shop, "opened")
    assert (operation.end, promotion.state) == (End.CANCELLED, PromotionState.CANCELLED)
    assert (operation.headline, promotion.merge_sha) == ("Nothing was changed.", "")


@pytest.mark.parametrize("asked", [True, False])
async def test_what_somebody_merged_by_hand_before_it_was_withdrawn_is_told_as_that(
    shop: Shop, *, asked: bool
) -> None:
    operation, promotion = await withdrawn(shop, "merged", ours=False, asked=asked)
    assert (operation.end, promotion.state) == (End.CANCELLED, PromotionState.CLOSED)
    # A rollback finds it in its place among the others.
    assert (promotion.merge_sha, promotion.merged_at) == (MERGED, EARLIER)
    assert isinstance(operation.progress, StageProgress)
    assert operation.progress.bypass == Bypass("dan", had="0 of 1")


async def test_what_somebody_merged_by_hand_into_another_branch_changed_nothing_here(
    shop: Shop,
) -> None:
    operation, promotion = await withdrawn(shop, "merged", ours=False, target="other")
    assert (promotion.state, promotion.merge_sha) == (PromotionState.CLOSED, "")
    assert "leads from qbot/P-1 into other" in operation.headline
