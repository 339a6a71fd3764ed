"""A process that stood still, or that Slack told nothing, was not there."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.operations.presence import STILL
from tests.operations.scene import Scene
from tests.operations.test_acting import DAY, HOUR, RULE, Acting, acting

__all__ = ["acting"]  # a fixture
MINUTE = timedelta(minutes=1)


async def later(acting: Acting, time: timedelta) -> None:
    """Both clocks go on, and nobody beats."""
    acting.machine.advance(time.total_seconds())
    await acting.reap(later=time)


@pytest.mark.parametrize("woken", ["by the tick", "by a beat"])
async def test_who_was_stopped_for_days_deletes_nothing_that_nobody_could_answer(
    acting: Acting, scene: Scene, woken: str
) -> None:
    await acting.reap()
    beats = asyncio.create_task(acting.presence.beats())
    await acting.machine.asleep()
    acting.machine.advance(3 * DAY.total_seconds())
    if woken == "by a beat":
        await acting.machine.asleep()
    await acting.reap(later=3 * DAY)
    assert await acting.teardown() is None
    await acting.reap(later=4 * HOUR)
    assert await acting.teardown()
    beats.cancel()
    await asyncio.gather(beats, return_exceptions=True)


async def test_a_restart_that_takes_most_of_a_short_grace_puts_it_off(scene: Scene) -> None:
    await scene.create()
    await scene.kill()
    scene.clock.advance(DAY.total_seconds())
    acting = short(scene)
    await acting.merged()
    await acting.reap()
    scene.clock.advance(29 * 60)
    again = short(scene)
    await again.reap()
    assert await again.teardown() is None
    await again.reap(later=20 * MINUTE)
    assert await again.teardown()


def short(scene: Scene) -> Acting:
    return Acting(scene, replace(RULE, merged=20 * MINUTE))


@pytest.mark.parametrize("tick", [HOUR, 10 * MINUTE], ids=str)
async def test_while_slack_tells_nothing_nothing_is_deleted_and_then_it_is_put_off(
    acting: Acting, tick: timedelta
) -> None:
    """Also where ticks that were deaf come as close together as those that hear."""
    there = [True]

    async def hears() -> bool:
        return there[0]

    acting.presence.hears(hears)
    await later(acting, MINUTE)
    there[0] = False
    await later(acting, STILL)
    for _ in range(5 * HOUR // tick):
        await later(acting, tick)
    assert await acting.teardown() is None
    there[0] = True
    await later(acting, MINUTE)
    assert await acting.teardown() is None
    acting.machine.advance(1)
    await acting.reap(later=2 * HOUR)
    assert await acting.teardown() is None
    await acting.reap(later=2 * HOUR)
    assert await acting.teardown()


async def test_a_connection_that_is_cut_for_a_moment_is_no_absence(acting: Acting) -> None:
    there = [True]

    async def hears() -> bool:
        return there[0]

    acting.presence.hears(hears)
    await later(acting, MINUTE)
    there[0] = False
    assert await acting.presence.look()
    there[0] = True
    await acting.reap(later=5 * HOUR)
    assert await acting.teardown()
