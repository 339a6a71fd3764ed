"""Who looks at their App Home, on both databases."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from tests.clocks import HandClock
from tests.store.wishes import ANA, BEN, Wishes


async def test_an_opening_waits_until_it_is_answered_and_for_a_day_it_is_followed(
    wishes: Wishes, clock: HandClock
) -> None:
    homes, woken = wishes.database.homes, asyncio.Event()
    wishes.database.subscribe(woken.set)
    assert await homes.viewers() == []
    await homes.opened(ANA)
    async with asyncio.timeout(10):
        await woken.wait()
    (viewer,) = await homes.viewers()
    assert (viewer.actor, viewer.answered, viewer.shown_hash) == (ANA, False, "")
    await homes.shown(viewer, "first")
    (viewer,) = await homes.viewers()
    assert (viewer.answered, viewer.shown_hash) == (True, "first")
    assert viewer.shown_at is not None
    clock.advance(timedelta(hours=25).total_seconds())
    assert await homes.viewers() == []


async def test_an_opening_while_an_older_one_is_answered_still_waits(
    wishes: Wishes, clock: HandClock
) -> None:
    homes = wishes.database.homes
    await homes.opened(ANA)
    (before,) = await homes.viewers()
    clock.advance(1)
    await homes.opened(ANA)
    await homes.shown(before, "first")
    (viewer,) = await homes.viewers()
    assert (viewer.answered, viewer.shown_hash) == (False, "first")


async def test_what_will_do_for_another_opening_is_as_old_as_before(
    wishes: Wishes, clock: HandClock
) -> None:
    homes = wishes.database.homes
    await homes.opened(ANA)
    (viewer,) = await homes.viewers()
    await homes.shown(viewer, "first")
    (shown,) = await homes.viewers()
    clock.advance(5)
    await homes.opened(ANA)
    (again,) = await homes.viewers()
    await homes.still(shown)  # of the opening before
    assert await homes.viewers() == [again]
    await homes.still(again)
    assert await homes.viewers() == [replace(again, answered=True, shown_at=shown.shown_at)]


async def test_who_waits_is_first_then_who_was_shown_the_longest_ago(
    wishes: Wishes, clock: HandClock
) -> None:
    homes = wishes.database.homes
    others = [replace(BEN, user=f"U{n}") for n in range(3)]
    for actor in others:
        await homes.opened(actor)
    for actor in reversed(others):
        (viewer,) = [v for v in await homes.viewers() if v.actor == actor]
        clock.advance(1)
        await homes.shown(viewer, "x")
    await homes.opened(ANA)
    assert [v.actor for v in await homes.viewers()] == [ANA, *reversed(others)]
    await homes.leave(ANA)
    assert [v.actor for v in await homes.viewers()] == [*reversed(others)]


async def test_who_has_not_looked_for_a_day_is_forgotten_with_the_next_opening(
    wishes: Wishes, clock: HandClock
) -> None:
    homes = wishes.database.homes
    await homes.opened(BEN)
    clock.advance(timedelta(hours=25).total_seconds())
    await homes.opened(ANA)
    rows = await wishes.look("select actor from homes")
    assert [r["actor"] for r in rows] == [ANA.key]
