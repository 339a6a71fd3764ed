"""A deletion that the reaper has queued: what it stood on may be old when it begins."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qbot.domain.barriers import Lock
from qbot.domain.branches import BranchFacts
from qbot.domain.environment import Phase
from qbot.domain.operation import Operation
from qbot.domain.people import Actor
from qbot.domain.progress import End
from qbot.domain.reaper_ports import Fate
from qbot.domain.repository_ports import MergeRequest
from qbot.errors import UserError
from qbot.store.rows import time_text
from tests.operations.scene import ANA, Scene
from tests.operations.test_acting import CART, DAY, HOUR, URL, Acting, X


@pytest.fixture
async def queued(scene: Scene) -> Acting:
    """One of yesterday, warned of, and its deletion queued just now."""
    await scene.create()
    await scene.kill()
    acting = Acting(scene)
    scene.clock.advance(DAY.total_seconds())
    await acting.merged()
    await acting.reap()
    await acting.reap(later=5 * HOUR)
    return acting


async def asked_for(queued: Acting) -> Operation:
    found = await queued.teardown()
    assert found
    return found


async def test_what_was_queued_before_an_outage_is_judged_anew(
    queued: Acting, scene: Scene
) -> None:
    asked = await asked_for(queued)
    scene.clock.advance(3 * DAY.total_seconds())
    sha = scene.gitlab.push(CART, X)  # and no hook told
    scene.gitlab.requests[CART, 8] = MergeRequest(8, URL, "opened", sha, "", X, "main")
    await scene.start()
    done = await scene.ended(asked)
    assert (done.end, await scene.phase()) == (End.REFUSED, Phase.READY)
    assert done.headline.startswith("It stays: its deletion was asked for long ago")
    await queued.reap(sweep=False)
    assert (await asked_for(queued)).id == asked.id


async def test_the_warning_of_one_that_stays_after_all_can_be_answered_again(
    queued: Acting, scene: Scene
) -> None:
    scene.clock.advance(601)
    await scene.start()
    assert (await scene.ended(await asked_for(queued))).end is End.REFUSED
    (warned,) = await scene.database.notices.open()
    assert warned.fate is Fate.OPEN


async def test_what_a_pause_has_kept_gets_a_grace_anew_once_its_owner_reads_so(
    queued: Acting, scene: Scene
) -> None:
    asked = await asked_for(queued)
    scene.clock.advance(60)
    await scene.database.reaper.pause(ANA, "wait", rule="keeper")
    await scene.start()
    assert (await scene.ended(asked)).end is End.REFUSED
    await queued.told()
    (warned,) = await scene.database.notices.open()
    assert warned.goes.due_at == scene.clock.now() + 4 * HOUR
    await scene.database.reaper.resume(ANA, rule="keeper")
    await queued.reap(later=3 * HOUR)
    assert (await asked_for(queued)).id == asked.id
    await queued.reap(later=HOUR)
    assert (await asked_for(queued)).id != asked.id


async def test_a_clock_that_goes_back_makes_nothing_fresh(queued: Acting, scene: Scene) -> None:
    ahead = time_text(scene.clock.now() + timedelta(minutes=5))
    await scene.look("update operations set created_at = ? where kind = 'teardown'", ahead)
    await scene.start()
    done = await scene.ended(await asked_for(queued))
    assert (done.end, await scene.phase()) == (End.REFUSED, Phase.READY)


async def test_what_waited_goes_with_the_next_tick_if_all_is_still_so(
    queued: Acting, scene: Scene
) -> None:
    scene.clock.advance(601)
    await scene.start()
    assert (await scene.ended(await asked_for(queued))).end is End.REFUSED
    await queued.reap()
    assert (await scene.ended(await asked_for(queued))).end is End.SUCCEEDED


@pytest.mark.parametrize("early", [timedelta(seconds=1), timedelta(minutes=2)])
async def test_a_use_counts_by_whatever_clock(
    queued: Acting, scene: Scene, early: timedelta
) -> None:
    when = time_text(scene.clock.now() - early)
    await scene.look("update environments set used_at = ?", when)
    await scene.start()
    done = await scene.ended(await asked_for(queued))
    assert (done.end, await scene.phase()) == (End.REFUSED, Phase.READY)
    assert done.headline.startswith("It stays: something happened to it meanwhile")


async def test_a_404_that_is_confirmed_once_more_is_no_news(queued: Acting) -> None:
    stand = await queued.rows.stand(await queued.id)
    assert stand
    (fact,) = stand.branch.branches
    now = queued.scene.clock.now()
    missing = replace(fact, gone_at=now)
    marks = {
        replace(stand, branch=BranchFacts((one,))).mark
        for one in (
            missing,
            replace(missing, gone_again_at=now + HOUR),
            replace(missing, gone_again_at=now + 2 * HOUR),
        )
    }
    assert len(marks) == 2


async def test_a_use_is_written_down_also_within_a_minute_of_the_last(
    queued: Acting, scene: Scene
) -> None:
    scene.clock.advance(5)
    await scene.database.lifetimes.used("show", ANA, await queued.id)
    scene.clock.advance(5)
    await scene.database.lifetimes.used("card", ANA, await queued.id)
    rows = await scene.look("select used_what from environments")
    assert [row["used_what"] for row in rows] == ["card"]


async def test_who_presses_delete_before_it_has_begun_deletes_it_whoever_uses_it(
    queued: Acting, scene: Scene
) -> None:
    asked = await asked_for(queued)
    mine = await scene.begin_delete()
    assert mine.id != asked.id
    await scene.database.lifetimes.used("delete", ANA, await queued.id)
    assert await scene.audit("teardown.cancelled") == ["cancelled"]
    await scene.start()
    done = await scene.ended(mine)
    assert (done.end, done.actor) == (End.SUCCEEDED, ANA)
    assert "by itself" not in done.headline
    assert (await scene.operation(asked.id)).end is End.CANCELLED
    assert (await queued.rows.known()).deleted == 0


async def test_who_presses_delete_when_a_worker_has_taken_it_joins_it_whoever_uses_it(
    queued: Acting, scene: Scene
) -> None:
    asked = await asked_for(queued)
    (claim,) = await scene.database.journal.claim("worker", 1)
    assert claim.operation.id == asked.id
    scene.clock.advance(1)
    assert (await scene.begin_delete()).id == asked.id
    await scene.database.lifetimes.used("delete", ANA, await queued.id)
    await scene.database.journal.release(claim)
    await scene.start()
    assert (await scene.ended(asked)).end is End.SUCCEEDED


async def test_who_joins_it_overrides_no_lock(queued: Acting, scene: Scene) -> None:
    asked = await asked_for(queued)
    (claim,) = await scene.database.journal.claim("worker", 1)
    scene.clock.advance(1)
    assert (await scene.begin_delete()).id == asked.id
    lock = Lock(await queued.id, Actor("T1", "UBEN"), "demo for the board", scene.clock.now())
    await scene.database.promotions.lock(lock, rule="keeper")
    await scene.database.journal.release(claim)
    await scene.start()
    done = await scene.ended(asked)
    assert (done.end, await scene.phase()) == (End.REFUSED, Phase.READY)
    assert done.headline.startswith("It stays: it is locked")


async def test_what_was_kept_then_and_deleted_later_can_be_restored_from_then_on(
    queued: Acting, scene: Scene
) -> None:
    await scene.database.lifetimes.used("show", ANA, await queued.id)
    await scene.start()
    assert (await scene.ended(await asked_for(queued))).end is End.REFUSED
    scene.clock.advance(15 * DAY.total_seconds())
    await scene.delete()
    versions = "select service from environment_services"
    before = await scene.look(versions)
    assert before
    await scene.database.forget_old()
    assert await scene.look(versions) == before
    scene.clock.advance(15 * DAY.total_seconds())
    await scene.database.forget_old()
    assert not await scene.look(versions)


async def test_who_extends_what_may_not_live_longer_does_not_void_its_warning(
    queued: Acting, scene: Scene
) -> None:
    env, lives = await queued.id, scene.database.lifetimes
    await scene.look("update environments set expires_at = null")
    with pytest.raises(UserError, match="max_ttl"):
        await lives.extend(env, HOUR, ANA, most=DAY, rule="member", key="k")
    assert (await queued.rows.known()).told[env].at
