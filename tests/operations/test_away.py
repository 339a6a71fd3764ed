"""Nothing goes because Qbot was away, or before anybody could have answered."""

import asyncio
from dataclasses import replace
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from qbot.domain.barriers import Weekday
from qbot.domain.idle import Calendar
from qbot.domain.reaper_ports import Reminder, Warned
from qbot.domain.reaping import Terms
from qbot.errors import TransientError
from qbot.operations.at_once import AtOnce
from qbot.store.rows import time_text
from tests.operations.scene import ANA, Scene
from tests.operations.test_acting import (
    CART,
    DAY,
    HOUR,
    RULE,
    Acting,
    Many,
    acting,
    many,
    questions,
)

__all__ = ["acting", "many"]  # fixtures
OFFICE = Calendar(
    ZoneInfo("UTC"), frozenset(Weekday) - {Weekday.SAT, Weekday.SUN}, time(8), time(18)
)


async def test_what_came_due_while_no_process_was_there_is_reminded_of_and_put_off(
    acting: Acting, scene: Scene
) -> None:
    await acting.reap()
    scene.clock.advance(5 * HOUR.total_seconds())
    again = Acting(scene)  # a new process, or one on a clock that is ahead
    assert not await again.reap()
    assert await again.teardown() is None
    other = Acting(scene)  # and another replica, which saw no absence
    (reminder,) = await other.reap(later=3.5 * HOUR)
    assert isinstance(reminder.says, Reminder)
    assert await other.teardown() is None
    await other.reap(later=HOUR / 2)
    assert await other.teardown()


async def test_while_the_database_is_away_nobody_can_answer(acting: Acting, scene: Scene) -> None:
    class Away:
        async def saw(self, key: str) -> bool:
            raise TransientError(key)

    await acting.reap()
    once, acting.reaper._once = acting.reaper._once, Away()  # type: ignore[assignment]  # what is called
    with pytest.raises(TransientError):
        await acting.reaper.tick()
    acting.reaper._once = once
    await acting.reap(later=5 * HOUR)
    assert await acting.teardown() is None
    await acting.reap(later=4 * HOUR)
    assert await acting.teardown()


async def test_a_process_that_was_there_all_the_time_knows_that_time_went_by(
    acting: Acting, scene: Scene
) -> None:
    other = Acting(scene)  # a replica that took no tick so far
    await acting.reap()
    await other.reap(later=5 * HOUR)
    assert await other.teardown()


async def test_what_slack_has_not_reminded_of_yet_waits_for_that(
    acting: Acting, scene: Scene
) -> None:
    await acting.reap()
    scene.clock.advance(3.5 * HOUR.total_seconds())
    for _ in range(4):  # Slack takes nothing
        await acting.swept()
        await acting.reaper.reap()
        scene.clock.advance(HOUR.total_seconds())
    assert await acting.teardown() is None
    (reminder,) = await acting.reap()
    assert isinstance(reminder.says, Reminder)
    await acting.reap(later=HOUR / 3)
    assert await acting.teardown() is None
    await acting.reap(later=HOUR / 6)
    assert await acting.teardown()


async def test_merged_on_friday_its_owner_is_told_on_friday_and_reminded_in_the_morning(
    acting: Acting, scene: Scene
) -> None:
    rule = replace(RULE, idle_after=None)
    terms = Terms("qbot", (rule,), targets=("main",), calendars=(OFFICE,), in_working_hours=True)
    acting.reaper._planner._terms = terms
    now = scene.clock.now()
    friday = now.replace(hour=16, minute=0) + (4 - now.weekday()) * DAY
    scene.clock.advance((friday - now).total_seconds())
    used = time_text(friday)
    await scene.look("update environments set used_at = ?, expires_at = null", used)
    await acting.merged()
    told: list[str] = []
    for _ in range(24 * 4):
        said = [type(notice.says).__name__ for notice in await acting.reap()]
        told += [f"{scene.clock.now():%a %H} {name}" for name in said]
        if await acting.teardown():
            break
        scene.clock.advance(HOUR.total_seconds())
    assert told == ["Fri 16 Warned", "Mon 08 Reminder", "Mon 09 Warned"]


async def test_those_that_fail_keep_nobody_waiting_and_are_looked_at(
    many: Many, scene: Scene
) -> None:
    (question,) = questions(await many.reap(later=5 * HOUR))
    await many.rows.answer(question.id, ANA, go=True, rule="keeper")
    await many.told()
    plan = await many.reaper._planner.plan()
    first = {goes.env for goes, _ in plan.free[:10]}
    seen = time_text(scene.clock.now() - 9 * DAY)
    for env in first:  # a hook was lost: GitLab answers 404
        await scene.look(
            "insert into branches(project, branch, sha, author, seen_at, asked_sha) "
            "select ?, branch, 'a', '', ?, '' from environments where id = ? "
            "on conflict do nothing",
            CART, seen, env,
        )  # fmt: skip
    await scene.look("delete from looks")
    rows = await scene.look("select branch, sha from branches")
    found = {row["branch"]: row["sha"] for row in rows}
    scene.clock.advance(60)
    await many.swept(found=found)
    await many.reaper.reap()
    assert len(await many.asked()) == 3
    looks = await scene.look("select branch from looks where number = 1")
    assert len(looks) >= 9
    assert many.counted.count("kept-at-last") == 10


async def test_of_two_replicas_that_warn_at_once_one_does(acting: Acting, scene: Scene) -> None:
    plan = await acting.reaper._planner.plan()
    scene.clock.advance(1)
    (before,) = await acting.reap()
    scene.clock.advance(1)
    await acting.reaper._warn(plan)  # of a replica that planned at the same moment
    assert not await acting.told()
    assert isinstance(before.says, Warned)
    known = await acting.rows.known()
    assert known.told[await acting.id].at == scene.clock.now() - timedelta(seconds=1)


async def test_one_replica_looks_and_what_is_held_is_looked_at_less_and_less(
    scene: Scene,
) -> None:
    await scene.create()
    await scene.kill()
    made = [Acting(scene, replace(RULE, merged=timedelta())) for _ in range(2)]
    scene.clock.advance(DAY.total_seconds())
    await made[0].merged()
    await scene.database.reaper.pause(ANA, "", rule="member")
    reaps: list[float] = []
    for one in made:
        one.reaper.reap = _noted(one.reaper.reap, reaps, scene)  # type: ignore[method-assign]  # noted
    looks = asyncio.gather(
        *(AtOnce(one.reaper, clock=scene.clock, wanted=True)._look() for one in made)
    )
    for seconds in (5, 5, 5, 10, 20, 40):
        await scene.clock.asleep(2)
        scene.clock.advance(seconds)
    await looks
    assert reaps == [5, 10, 15, 25, 45, 85]


def _noted(reap: Any, reaps: list[float], scene: Scene) -> Any:
    begun = scene.clock.now()

    async def noted() -> Any:
        reaps.append((scene.clock.now() - begun).total_seconds())
        return await reap()

    return noted
