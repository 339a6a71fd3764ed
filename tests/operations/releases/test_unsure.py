"""GitLab was asked to merge and its answer was lost: no end claims what nobody has looked at."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from typing_extensions import override

from qbot.domain.inputs import PromoteInput
from qbot.domain.names import ProjectPath
from qbot.domain.operation import Operation, Submission, Submitted
from qbot.domain.people import Place
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import Account, PromotionKind, PromotionState, Request
from qbot.domain.release import Bypass, StageProgress
from qbot.domain.repository_ports import MergeRequest
from qbot.errors import PermanentError
from qbot.operations.engine import Outcome, Run
from qbot.operations.releases.case import Case
from qbot.operations.releases.ends import closed
from qbot.operations.releases.promote import promote
from qbot.operations.releases.tracker import StageTracker
from tests.databases import clock, database, database_url
from tests.operations.engine.shop import Shop, shop
from tests.operations.releases.merge_scene import (
    MERGED,
    Repository,
    agreed,
    context_of,
    number_of,
    words,
)
from tests.operations.releases.stage_scene import stage
from tests.store.promoting import CART, MERGE_REQUEST, PRODUCTION, ask, carried
from tests.store.wishes import BEN, key, wishes

__all__ = ["clock", "database", "database_url", "shop", "wishes"]


@dataclass
class Refusing(Repository):
    """Merged, which nobody may look at until `refuses` is over."""

    refuses: bool = True
    branches: list[str] = field(default_factory=list)

    @override
    async def merge_request(self, project: ProjectPath, iid: int) -> MergeRequest:
        if self.refuses:
            raise PermanentError("GitLab: the token has expired.")
        return await super().merge_request(project, iid)

    async def files(self, project: ProjectPath, ref: str, paths: Any) -> Any:
        raise PermanentError("That is another story.")

    async def close_branch(self, project: ProjectPath, branch: str) -> MergeRequest | None:
        self.branches.append(branch)
        ref = MERGE_REQUEST
        return MergeRequest(ref.iid, ref.url, "closed", ref.sha, "", branch, "main")


async def started(shop: Shop, repository: Refusing, *, asked: bool = True) -> Operation:
    """A promotion whose worker asked for its merge, and then heard nothing but refusals."""
    context = context_of(shop, repository)

    async def body(run: Run) -> Outcome:
        repository.words = repository.words or words(number_of(run))
        if cast("Any", run.operation.input).again is None:
            await agreed(run, asked=asked)
        return await promote(run, context)

    await shop.engine(body)
    return await ask(shop.wishes, CART)


async def taken_up(shop: Shop, failed: Operation, *, abandon: bool) -> Operation:
    """Somebody presses Retry or Abandon."""
    row = await carried(shop.wishes, failed)
    before = cast("PromoteInput", failed.input)
    wish = Submission(
        Kind.PROMOTE,
        replace(before, again=row.id, abandon=abandon),
        None,
        BEN,
        Place("C1"),
        key(),
        stage=PRODUCTION,
        request=Request(PromotionKind.PROMOTION, PRODUCTION, Account(1, "ana"), again=row.id),
    )
    answer = await shop.wishes.journal.submit(wish)
    assert isinstance(answer, Submitted)
    return await shop.ended(answer.operation.id)


def shown(operation: Operation) -> StageProgress:
    assert isinstance(operation.progress, StageProgress)
    return operation.progress


async def test_where_nobody_can_look_it_is_not_known_whether_it_was_merged(shop: Shop) -> None:
    operation = await shop.ended((await started(shop, Refusing("merged", ""))).id)
    assert operation.end is End.FAILED
    assert (shown(operation).unsure, shown(operation).merged_sha) == (True, "")


async def test_retry_finds_what_was_merged_and_goes_on_with_it(shop: Shop) -> None:
    repository = Refusing("merged", "", lost=0)
    failed = await shop.ended((await started(shop, repository)).id)
    repository.refuses = False
    again = await taken_up(shop, failed, abandon=False)
    row = await carried(shop.wishes, again)
    assert (row.state, row.merge_sha) == (PromotionState.FAILED, MERGED)
    assert again.headline == "That is another story."  # it is on its way to the deployment
    assert (shown(again).unsure, shown(again).merged_sha) == (False, MERGED)


async def test_abandon_finds_what_was_merged_and_says_so(shop: Shop) -> None:
    repository = Refusing("merged", "", lost=0)
    failed = await shop.ended((await started(shop, repository)).id)
    repository.refuses = False
    given_up = await taken_up(shop, failed, abandon=True)
    row = await carried(shop.wishes, given_up)
    assert (row.state, row.merge_sha) == (PromotionState.CANCELLED, MERGED)
    assert given_up.headline == "What is merged stays as it is."


@pytest.mark.parametrize("asked", [True, False])
async def test_abandon_finds_what_somebody_merged_by_hand(shop: Shop, *, asked: bool) -> None:
    repository = Refusing("merged", "Merge branch", lost=0)
    failed = await shop.ended((await started(shop, repository, asked=asked)).id)
    repository.refuses = False
    given_up = await taken_up(shop, failed, abandon=True)
    row = await carried(shop.wishes, given_up)
    assert (row.state, row.merge_sha) == (PromotionState.CLOSED, MERGED)
    assert shown(given_up).bypass == Bypass("dan", had="0 of 1")


async def test_abandon_claims_nothing_where_it_cannot_look(shop: Shop) -> None:
    repository = Refusing("merged", "", lost=0)
    failed = await shop.ended((await started(shop, repository)).id)
    given_up = await taken_up(shop, failed, abandon=True)
    assert given_up.end is End.FAILED
    assert shown(given_up).unsure


async def test_a_merge_request_that_no_row_knows_is_closed_by_its_branch(shop: Shop) -> None:
    """Its making was never answered, so it was never written down."""
    repository, rows = Refusing("opened", ""), shop.wishes.database.promotions
    context = context_of(shop, repository)

    async def body(run: Run) -> Outcome:
        promotion = await rows.of_operation(run.operation.id)
        assert promotion
        tracker = StageTracker(run, context, stage(), promotion)
        case = Case(run=run, context=context, stage=stage(), tracker=tracker, promotion=promotion)
        return await closed(case, End.CANCELLED, PromotionState.CANCELLED, "Nothing was changed.")

    await shop.engine(body)
    ended = await shop.ended((await ask(shop.wishes, CART)).id)
    assert repository.branches == ["qbot/P-1"]
    assert shown(ended).merge_request == MERGE_REQUEST.url
