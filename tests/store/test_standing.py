"""Freezes, locks, holds and linked accounts: who has them, until when, and who is told."""

import asyncio
from datetime import timedelta

import pytest

from qbot.domain.barriers import Freeze, Lock
from qbot.domain.people import Actor
from qbot.domain.promotion import DECISION, Account, PromotionState
from qbot.domain.release_changes import HoldsPlaced, PromotionMoved
from qbot.errors import UserError
from tests.clocks import START, HandClock
from tests.store.promoting import CART, PRODUCTION, SCOPE, STAGING, WEB, moved, opened
from tests.store.wishes import ANA, BEN, Wishes

SOON = START + timedelta(hours=1)


def lock(who: object = ANA, *, hours: int | None = 1) -> Lock:
    until = START + timedelta(hours=hours) if hours else None
    return Lock(SCOPE, ANA if who is ANA else BEN, "a demo", START, until)


async def test_a_stage_is_frozen_once(wishes: Wishes, clock: HandClock) -> None:
    rows = wishes.database.promotions
    wanted = Freeze(PRODUCTION, ANA, "an audit", START, SOON)
    assert await rows.freeze(wanted)
    assert not await rows.freeze(Freeze(PRODUCTION, BEN, "mine", START))
    assert await rows.freezes() == [wanted]
    assert await rows.freezes(STAGING) == []
    clock.advance(3600)
    assert await rows.freezes(PRODUCTION) == []
    assert not await rows.unfreeze(PRODUCTION, BEN)
    assert await rows.freeze(Freeze(PRODUCTION, BEN, "mine", clock.now()), rule="role")
    assert await rows.unfreeze(PRODUCTION, ANA)
    actions = await wishes.look("select action, user_id from audit order by seq")
    assert [(a["action"], a["user_id"]) for a in actions] == [
        ("stage.frozen", "UANA"),
        ("stage.frozen", "UBEN"),
        ("stage.unfrozen", "UANA"),
    ]


async def test_a_lock_has_one_holder(wishes: Wishes, clock: HandClock) -> None:
    rows = wishes.database.promotions
    assert await rows.lock(lock()) is None
    assert await rows.lock(lock(BEN)) == lock()
    assert await rows.lock(lock(hours=2)) is None  # one's own is renewed
    assert await rows.locks(SCOPE) == [lock(hours=2)]
    assert await rows.unlock(SCOPE, BEN, force=False) is None
    assert await rows.unlock(SCOPE, BEN, force=True) == lock(hours=2)
    assert await rows.locks() == []
    await rows.lock(lock())
    clock.advance(3600)
    assert await rows.lock(lock(BEN, hours=None)) is None


async def test_a_lock_that_is_over_was_not_ended_by_anybody(
    wishes: Wishes, clock: HandClock
) -> None:
    rows = wishes.database.promotions
    await rows.lock(lock())
    clock.advance(3600)
    assert await rows.unlock(SCOPE, ANA, force=False) is None


async def test_who_waits_for_a_lock_is_told_once(wishes: Wishes, clock: HandClock) -> None:
    rows = wishes.database.promotions
    for who in (BEN, ANA, BEN):
        await rows.await_free(SCOPE, who)
        clock.advance(1)
    assert await rows.waiting_for(SCOPE, take=False) == [BEN, ANA]
    assert await rows.waiting_for(SCOPE, take=True) == [BEN, ANA]
    assert await rows.waiting_for(SCOPE, take=True) == []


async def test_held_services_are_released_by_name_or_all(wishes: Wishes) -> None:
    rows = wishes.database.promotions
    claim, promotion = await opened(wishes, CART)
    placed = HoldsPlaced(promotion.id, PRODUCTION, ((CART, "v1"), (WEB, "v1")))
    await wishes.journal.commit(claim, "merge", 1, [placed])
    assert [h.service for h in await rows.release(PRODUCTION, [WEB], BEN)] == [WEB]
    assert [h.service for h in await rows.release(PRODUCTION, [], BEN)] == [CART]
    assert await rows.release(PRODUCTION, [], BEN) == []


@pytest.mark.parametrize("state", [PromotionState.OPEN, PromotionState.APPROVED])
async def test_what_is_freed_wakes_the_promotions_that_waited(
    wishes: Wishes, state: PromotionState
) -> None:
    rows = wishes.database.promotions
    claim, promotion = await opened(wishes, CART)
    await moved(wishes, claim, PromotionMoved(promotion.id, state))
    later = START + timedelta(days=1)
    await rows.freeze(Freeze(PRODUCTION, ANA, "", START))
    assert await wishes.journal.nap(claim, DECISION, later) is not None  # its card shows it
    assert await wishes.journal.nap(claim, DECISION, later) is None
    await rows.unfreeze(PRODUCTION, ANA)
    assert len(await wishes.claim()) == 1


async def test_a_lock_wakes_the_promotions_whose_cards_are_to_show_it(wishes: Wishes) -> None:
    claim, _ = await opened(wishes, CART)
    assert await wishes.journal.nap(claim, DECISION, START + timedelta(days=1)) is None
    assert await wishes.database.promotions.lock(lock()) is None
    assert len(await wishes.claim()) == 1


async def test_a_linked_account_replaces_an_earlier_one(wishes: Wishes) -> None:
    rows = wishes.database.promotions
    assert await rows.accounts([ANA]) == {}
    await rows.link(ANA, Account(1, "ana"), rule="proof")
    await rows.link(ANA, Account(9, "ana.new"))
    assert await rows.accounts([BEN, ANA]) == {ANA: Account(9, "ana.new")}
    assert await rows.accounts([BEN, Actor(ANA.team, ANA.user.lower())]) == {}


async def test_an_account_is_linked_by_one_person(wishes: Wishes) -> None:
    rows, others = wishes.database.promotions, [Actor("T1", f"U{n}") for n in range(4)]
    await rows.link(ANA, Account(1, "ana"))
    with pytest.raises(UserError, match="ana in GitLab is linked to another Slack account"):
        await rows.link(BEN, Account(1, "ana"))
    assert await rows.accounts([BEN]) == {}
    await rows.link(ANA, Account(1, "ana"))
    links = [rows.link(other, Account(2, "ben")) for other in others]
    told = await asyncio.gather(*links, return_exceptions=True)
    assert [type(t) for t in told].count(UserError) == len(others) - 1
