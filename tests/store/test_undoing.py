"""What a merged rollback writes beside itself: holds with their owner, and the cards it undid."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.changes import CardChanged, Change
from qbot.domain.inputs import RollbackInput
from qbot.domain.names import ServiceName
from qbot.domain.operation import Claim, Submission, Submitted
from qbot.domain.people import Actor, Place
from qbot.domain.progress import End, Kind, ServiceProgress, Stage
from qbot.domain.promotion import (
    Promotion,
    PromotionKind,
    PromotionState,
    Request,
)
from qbot.domain.release import LetGo, PuttingBack, StageProgress
from qbot.domain.release_changes import HoldsPlaced, PromotionMoved, PromotionPlanned
from tests.clocks import START
from tests.store.promoting import CART, PRODUCTION, WEB, carried, opened, plan
from tests.store.wishes import ANA, BEN, Wishes, key


async def done(wishes: Wishes, *services: ServiceName) -> Promotion:
    claim, promotion = await opened(wishes, *services)
    end = PromotionMoved(promotion.id, PromotionState.DONE, "d" * 40)
    shown = await card(wishes, promotion)
    last = CardChanged(replace(shown, end=End.SUCCEEDED, state=PromotionState.DONE))
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [end, last])
    return promotion


async def card(wishes: Wishes, promotion: Promotion) -> StageProgress:
    row = await wishes.database.cards.card(promotion.op)
    assert row is not None
    assert isinstance(row.progress, StageProgress)
    return row.progress


async def back(
    wishes: Wishes, before: Promotion, *services: ServiceName, by: Actor = ANA, again: bool = False
) -> tuple[Claim, Promotion]:
    """A rollback that a worker has, with its plan; or the same, taken up again."""
    number = before.id if again else None
    asked = RollbackInput(PRODUCTION, services, reason=key(), again=number)
    request = Request(PromotionKind.ROLLBACK, PRODUCTION, None, again=number)
    wish = Submission(
        Kind.ROLLBACK, asked, None, by, Place("C1"), key(), stage=PRODUCTION, request=request
    )
    answer = await wishes.journal.submit(wish)
    assert isinstance(answer, Submitted)
    claim = next(c for c in await wishes.claim() if c.operation.id == answer.operation.id)
    if not again:
        planned = replace(plan(*services), source=before.name)
        number = (await carried(wishes, answer.operation)).id
        await wishes.journal.commit(claim, "plan", 1, [PromotionPlanned(number, planned)])
    return claim, await carried(wishes, answer.operation)


async def end(wishes: Wishes, claim: Claim, rollback: Promotion, state: PromotionState) -> None:
    """With one of its two services back."""
    shown, ready = await card(wishes, rollback), [Stage.READY, Stage.FAILED]
    rows = tuple(ServiceProgress(s, at) for s, at in zip((CART, WEB), ready, strict=True))
    how = End.SUCCEEDED if state is PromotionState.DONE else End.FAILED
    last = CardChanged(replace(shown, services=rows, end=how, state=state))
    await wishes.journal.finish(claim, how, "", [PromotionMoved(rollback.id, state), last])


async def merge(wishes: Wishes, claim: Claim, rollback: Promotion) -> None:
    services = rollback.plan.services if rollback.plan else ()
    changes: list[Change] = [
        PromotionMoved(rollback.id, PromotionState.MERGED, "e" * 40),
        HoldsPlaced(rollback.id, PRODUCTION, tuple((s, "v1") for s in services)),
    ]
    await wishes.journal.commit(claim, "merge", 1, changes)


@pytest.mark.parametrize("services", [(CART,), (CART, WEB)])
async def test_the_card_of_what_is_undone_is_told_with_the_merge(
    wishes: Wishes, services: tuple[ServiceName, ...]
) -> None:
    first = await done(wishes, CART, WEB)
    claim, rollback = await back(wishes, first, *services)
    assert (await card(wishes, first)).undone_by is None
    await merge(wishes, claim, rollback)
    whole = len(services) == 2
    told = await card(wishes, first)
    assert told.undone_by == (rollback.id if whole else None)
    assert told.taken_back == (() if whole else ((CART, rollback.id),))
    assert [back.by for back in told.putting_back] == [rollback.id]
    assert (await card(wishes, rollback)).undone_by is None


@pytest.mark.parametrize("state", [PromotionState.FAILED, PromotionState.DONE])
async def test_a_promotion_is_undone_when_its_rollback_is_deployed_and_not_before(
    wishes: Wishes, state: PromotionState
) -> None:
    first = await done(wishes, CART, WEB)
    claim, rollback = await back(wishes, first, CART, WEB)
    await merge(wishes, claim, rollback)
    merged = await card(wishes, first)
    assert (merged.undone, merged.unsettled) == (False, PuttingBack(rollback.id))
    await end(wishes, claim, rollback, state)
    after = await card(wishes, first)
    failed = None if state is PromotionState.DONE else PuttingBack(rollback.id, state, 1, 2)
    assert (after.undone, after.unsettled) == (failed is None, failed)


async def test_a_rollback_that_is_taken_up_again_is_under_way_again(wishes: Wishes) -> None:
    first = await done(wishes, CART, WEB)
    claim, rollback = await back(wishes, first, CART, WEB)
    await merge(wishes, claim, rollback)
    await end(wishes, claim, rollback, PromotionState.FAILED)
    await back(wishes, rollback, CART, WEB, again=True)
    assert (await card(wishes, first)).unsettled == PuttingBack(rollback.id, of=2)


async def test_what_is_merged_after_a_rollback_is_not_undone_by_it(wishes: Wishes) -> None:
    first = await done(wishes, CART)
    claim, rollback = await back(wishes, first, CART)
    later = PromotionMoved(
        rollback.id, PromotionState.MERGED, "e" * 40, merged_at=START - timedelta(1)
    )
    await wishes.journal.commit(
        claim, "merge", 1, [later, HoldsPlaced(rollback.id, PRODUCTION, ())]
    )
    told = await card(wishes, first)
    assert (told.undone_by, told.taken_back) == (None, ())


async def test_a_release_during_the_deployment_stays_on_the_card(wishes: Wishes) -> None:
    claim, rollback = await back(wishes, await done(wishes, CART, WEB), CART, WEB)
    await merge(wishes, claim, rollback)
    shown = replace(await card(wishes, rollback), held=(CART, WEB), merged_sha="e" * 40)
    await wishes.journal.report(claim, shown)
    await wishes.database.promotions.release(PRODUCTION, [CART], BEN)
    await wishes.journal.report(claim, shown)
    told = await card(wishes, rollback)
    assert (told.held, told.released) == ((WEB,), (LetGo(CART, BEN, START),))
    await wishes.journal.finish(claim, End.FAILED, "", [CardChanged(replace(shown, held=(WEB,)))])
    assert (await card(wishes, rollback)).released == told.released


async def test_who_asked_for_a_rollback_owns_its_holds_whoever_went_on_with_it(
    wishes: Wishes,
) -> None:
    claim, rollback = await back(wishes, await done(wishes, CART), CART, by=ANA)
    failed = PromotionMoved(rollback.id, PromotionState.FAILED)
    await wishes.journal.finish(claim, End.FAILED, "", [failed])
    again, _ = await back(wishes, rollback, CART, by=BEN, again=True)
    await merge(wishes, again, rollback)
    (hold,) = await wishes.database.promotions.holds(PRODUCTION)
    assert (hold.by, hold.since) == (ANA, START)


async def test_the_card_of_a_rollback_says_who_released_what_it_held(wishes: Wishes) -> None:
    claim, rollback = await back(wishes, await done(wishes, CART, WEB), CART, WEB)
    await merge(wishes, claim, rollback)
    shown = replace(await card(wishes, rollback), held=(CART, WEB), end=End.SUCCEEDED)
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [CardChanged(shown)])
    await wishes.database.promotions.release(PRODUCTION, [CART], BEN)
    told = await card(wishes, rollback)
    assert (told.held, told.released) == ((WEB,), (LetGo(CART, BEN, START),))


async def test_what_another_rollback_holds_is_not_held_by_the_first_any_more(
    wishes: Wishes,
) -> None:
    first = await done(wishes, CART, WEB)
    claim, rollback = await back(wishes, first, CART, WEB)
    await merge(wishes, claim, rollback)
    end = PromotionMoved(rollback.id, PromotionState.DONE)
    shown = replace(await card(wishes, rollback), held=(CART, WEB), end=End.SUCCEEDED)
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [end, CardChanged(shown)])
    later, again = await back(wishes, first, CART, by=BEN)
    await merge(wishes, later, again)
    told = await card(wishes, rollback)
    assert (told.held, told.released) == ((WEB,), ())
