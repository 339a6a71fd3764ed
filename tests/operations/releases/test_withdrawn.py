"""Withdrawn, or merged all the same: what GitLab has made of it decides what is said."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import pytest

from qbot.domain.changes import Change
from qbot.domain.names import ProjectPath, PromotionId
from qbot.domain.operation import Operation
from qbot.domain.progress import End
from qbot.domain.promotion import Promotion, PromotionState
from qbot.domain.promotion_ports import Promotions
from qbot.domain.release import Bypass, StageProgress
from qbot.domain.release_changes import (
    MergeAsked,
    PromotionMoved,
    PromotionOpened,
    PromotionPlanned,
)
from qbot.domain.repository_ports import MergeRequest
from qbot.domain.stages import Stage
from qbot.errors import PermanentError, TransientError
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.promote import promote
from tests.clocks import START, HandClock
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.releases.stage_scene import stage
from tests.store.promoting import CART, MERGE_REQUEST, ask, carried, plan
from tests.store.wishes import ANA, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]
MERGED, EARLIER = "e" * 40, START - timedelta(hours=2)


@dataclass
class Base:
    """The part of the context that is used."""

    clock: HandClock


@dataclass
class Repository:
    """A GitLab with one merge request; `state` is how it stands."""

    state: str
    words: str
    parents_of: tuple[str, ...] = ("1" * 40, MERGE_REQUEST.sha)
    closed: int = 0
    lost: int = 1  # answers
    target: str = "main"
    merged_by: str = "dan"

    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        ref = MERGE_REQUEST
        self.lost -= 1
        if self.lost >= 0:
            raise TransientError("GitLab does not answer")
        return MergeRequest(
            iid, ref.url, self.state, ref.sha, "", ref.branch, self.target,
            merge_sha=MERGED, merged_by=self.merged_by, merged_at=EARLIER,
        )  # fmt: skip

    async def own_name(self) -> str:
        return "qbot"

    async def close_merge_request(self, project: ProjectPath, iid: int) -> None:
        self.closed += 1
        self.state = "merged" if self.state == "merged" else "closed"

    async def parents(self, project: ProjectPath, sha: str) -> tuple[str, ...]:
        return self.parents_of

    async def message_of(self, project: ProjectPath, sha: str) -> str:
        return self.words


@dataclass
class Few:
    base: Base
    promotions: Promotions
    repository: Repository

    def stage(self, name: str) -> Stage:
        return stage()

    def argocd(self, found: Stage) -> Any:
        raise PermanentError(f"Argo CD of {found.name} is not set up.")


async def _true() -> bool:
    return True


def _words(number: PromotionId) -> str:
    facts = [f"Qbot-Promotion: P-{number}", "Qbot-Requested-By: UANA (ana)"]
    return "\n".join(["Merge it", "", *facts, f"Qbot-Digest: {plan(CART).digest}"])


async def withdrawn(
    shop: Shop, state: str, *, ours: bool = True, asked: bool = True, target: str = "main"
) -> tuple[Operation, Promotion]:
    """Asked to stop after people had agreed; with `asked` a merge may have been begun."""
    repository = Repository(state, "", target=target)
    rows = shop.wishes.database.promotions
    context = cast("ReleaseContext", Few(Base(shop.clock), rows, repository))

    async def body(run: Run) -> Outcome:
        shown = run.operation.progress
        assert isinstance(shown, StageProgress)
        assert shown.promotion is not None
        number = shown.promotion
        repository.words = _words(number) if ours else "Merge branch"
        await shop.wishes.journal.request_cancel(run.operation.id, ANA)
        changes: list[Change] = [
            PromotionPlanned(number, plan(CART)),
            PromotionOpened(number, MERGE_REQUEST, START),
            PromotionMoved(number, PromotionState.APPROVED),
            *([MergeAsked(number, MERGE_REQUEST.sha)] if asked else []),
        ]
        with run.ignoring_cancel():
            await run.step("propose", _true, changes=changes)
        return await promote(run, context)

    await shop.engine(body)
    operation = await shop.ended((await ask(shop.wishes, CART)).id)
    assert repository.closed == 1
    return operation, await carried(shop.wishes, operation)


async def resumed(
    shop: Shop, words: str, parents: int = 2, *, by: str = "dan"
) -> tuple[Operation, Promotion]:
    """Died between the merge and its record: GitLab has merged what the database calls approved."""
    parents_of = ("1" * 40, MERGE_REQUEST.sha)[:parents]
    repository = Repository("merged", words, parents_of, lost=0, merged_by=by)
    rows = shop.wishes.database.promotions
    context = cast("ReleaseContext", Few(Base(shop.clock), rows, repository))

    async def body(run: Run) -> Outcome:
        shown = run.operation.progress
        assert isinstance(shown, StageProgress)
        assert shown.promotion is not None
        number = shown.promotion
        repository.words = words or _words(number)
        changes: list[Change] = [
            PromotionPlanned(number, plan(CART)),
            PromotionOpened(number, MERGE_REQUEST, START),
            PromotionMoved(number, PromotionState.APPROVED),
            MergeAsked(number, MERGE_REQUEST.sha),
        ]
        await run.step("propose", _true, changes=changes)
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
    assert promotion.merge_sha == MERGED
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
    assert operation.progress.bypass == Bypass("dan")
    (row,) = await shop.wishes.look("select * from audit where action = 'promotion.bypassed'")
    assert '"by":"dan"' in row["detail"]


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
    assert operation.progress.bypass == Bypass("dan")


async def test_what_somebody_merged_by_hand_into_another_branch_changed_nothing_here(
    shop: Shop,
) -> None:
    operation, promotion = await withdrawn(shop, "merged", ours=False, target="other")
    assert (promotion.state, promotion.merge_sha) == (PromotionState.CLOSED, "")
    assert "leads from qbot/P-1 into other" in operation.headline
