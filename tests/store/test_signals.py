"""Waits are rows: woken by a signal, by time or by a wish to cancel, whichever way they race."""

import asyncio
from datetime import timedelta

import pytest

from qbot.domain.operation import Claim, OpState, Woken
from tests.clocks import START, HandClock
from tests.store.wishes import BEN, TEARDOWN, Wishes

LATER = START + timedelta(hours=1)


async def claimed(wishes: Wishes) -> Claim:
    await wishes.create("a")
    (claim,) = await wishes.claim()
    return claim


async def nap(wishes: Wishes, claim: Claim) -> Woken | None:
    return await wishes.journal.nap(claim, "vote", LATER)


async def test_a_waiting_operation_is_a_row_that_nobody_claims(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    assert await nap(wishes, claim) is None
    assert (await wishes.operation(claim.operation.id)).state is OpState.WAITING
    assert await wishes.claim() == []
    assert (await wishes.beat()).taken_over == 0


async def test_a_signal_wakes_it(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    await nap(wishes, claim)
    assert await wishes.journal.signal(claim.operation.id, "vote", "k1", {"ok": True}) is True
    (woken,) = await wishes.claim()
    assert await nap(wishes, woken) == Woken()


async def test_a_signal_that_came_first_is_taken_without_waiting(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    await wishes.journal.signal(claim.operation.id, "vote", "k1", {"n": 1})
    await wishes.journal.signal(claim.operation.id, "vote", "k2", {"n": 2})
    assert await nap(wishes, claim) == Woken()


async def test_a_signal_of_another_topic_wakes_nobody(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    await nap(wishes, claim)
    assert await wishes.journal.signal(claim.operation.id, "other", "k1", {}) is True
    assert await wishes.claim() == []


async def test_the_same_signal_counts_once(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    answers = await asyncio.gather(
        *(wishes.journal.signal(claim.operation.id, "vote", "click-1", {}) for _ in range(5))
    )
    assert sorted(answers, key=str) == [False, False, False, False, True]


async def test_an_operation_that_has_ended_takes_no_signal(wishes: Wishes) -> None:
    create = await wishes.create("a")
    await wishes.submit(create.env, TEARDOWN)
    assert await wishes.journal.signal(create.id, "vote", "k1", {}) is None


async def test_time_wakes_it_with_nothing(wishes: Wishes, clock: HandClock) -> None:
    claim = await claimed(wishes)
    await nap(wishes, claim)
    clock.advance(3599)
    assert await wishes.claim() == []
    clock.advance(1)
    (woken,) = await wishes.claim()
    assert await nap(wishes, woken) == Woken()


async def test_being_woken_is_not_resuming_after_a_crash(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    await nap(wishes, claim)
    await wishes.journal.signal(claim.operation.id, "vote", "k1", {})
    (woken,) = await wishes.claim()
    assert not woken.resumed
    await wishes.journal.release(woken)
    (again,) = await wishes.claim()
    assert again.resumed


async def test_a_wish_to_cancel_wakes_it_and_ends_the_nap(wishes: Wishes) -> None:
    claim = await claimed(wishes)
    await nap(wishes, claim)
    assert await wishes.journal.request_cancel(claim.operation.id, BEN)
    (woken,) = await wishes.claim()
    assert await nap(wishes, woken) == Woken(cancelled=True)
    heedless = await wishes.journal.nap(woken, "vote", LATER, heed_cancel=False)
    assert heedless is None


@pytest.mark.parametrize("round_", range(10))
async def test_a_signal_that_races_with_the_nap_is_never_lost(wishes: Wishes, round_: int) -> None:
    claim = await claimed(wishes)
    woken, taken = await asyncio.gather(
        nap(wishes, claim), wishes.journal.signal(claim.operation.id, "vote", "k", {"n": round_})
    )
    assert taken is True
    if woken is None:
        (again,) = await wishes.claim()
        woken = await nap(wishes, again)
    assert woken == Woken()
