"""Digests that are due, on both databases: once for each channel and tick."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from qbot.domain.digest import DigestPlan, Done, Outcome
from qbot.domain.inputs import SyncInput
from qbot.domain.names import EnvId
from qbot.domain.progress import End, Kind
from tests.clocks import START, HandClock
from tests.store.wishes import Wishes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def plan(channel: str, *, daily: bool = False) -> DigestPlan:
    return DigestPlan(channel, "0 9 * * *", ZoneInfo("Europe/Berlin"), daily=daily)


async def test_a_tick_is_due_once_and_looks_back_on_the_one_before(wishes: Wishes) -> None:
    rows = wishes.database.digests
    await asyncio.gather(*(rows.begin(plan("C1"), START, fresh=True) for _ in range(3)))
    (first,) = await rows.due(START - HOUR)
    assert (first.channel, first.tick, first.since) == ("C1", START, START - DAY)
    await rows.end(first, Outcome.QUIET)
    await rows.begin(plan("C1"), START, fresh=True)
    assert await rows.due(START - HOUR) == []
    await rows.begin(plan("C1"), START + 3 * DAY, fresh=False)
    (later,) = await rows.due(START)
    assert later.since == START
    assert await rows.due(START + 4 * DAY) == []


async def test_a_channel_that_never_had_one_is_not_caught_up_with(wishes: Wishes) -> None:
    rows = wishes.database.digests
    await rows.begin(plan("C1"), START, fresh=False)
    assert await rows.due(START - DAY) == []


async def test_a_clock_that_was_a_year_ahead_silences_nothing(wishes: Wishes) -> None:
    rows = wishes.database.digests
    await rows.begin(plan("C1"), START - DAY, fresh=True)
    await rows.begin(plan("C1"), START + 365 * DAY, fresh=True)
    await rows.begin(plan("C1"), START, fresh=True)
    await rows.begin(plan("C1"), START, fresh=True)
    assert [due.tick for due in await rows.due(START - HOUR)] == [START]


async def test_of_two_who_want_to_post_it_one_does(wishes: Wishes, clock: HandClock) -> None:
    rows = wishes.database.digests
    await rows.begin(plan("C1"), START, fresh=True)
    (due,) = await rows.due(START)
    claims = await asyncio.gather(rows.claim(due), rows.claim(due))
    (claimed,) = [c for c in claims if c]
    assert await rows.due(START) == [claimed]
    assert claimed.trying_since == clock.now()
    assert await rows.claim(due) is None
    await rows.free(claimed)
    assert await rows.due(START) == [due]
    clock.advance(5)
    again = await rows.claim(due)
    assert again is not None
    await rows.end(again, Outcome.POSTED, "17.1")
    assert await rows.claim(replace(again, trying_since=None)) is None
    assert await rows.due(START) == []


async def test_the_newest_ends_what_nobody_began_before_it(wishes: Wishes) -> None:
    rows = wishes.database.digests
    for hour in range(4):
        await rows.begin(plan("C1"), START + hour * HOUR, fresh=True)
    await rows.begin(plan("C2"), START, fresh=True)
    first, _, _, newest = [d for d in await rows.due(START) if d.channel == "C1"]
    await rows.claim(first)
    await rows.end(newest, Outcome.POSTED, "17.1")
    assert {(d.channel, d.tick) for d in await rows.due(START)} == {("C1", START), ("C2", START)}
    told = await wishes.look("select outcome from channel_digests where channel = 'C1'")
    assert sorted(row["outcome"] for row in told) == ["", "posted", "skipped", "skipped"]
    assert len(await wishes.look("select 1 from audit where action = 'digest.posted'")) == 1
    await rows.begin(plan("C1"), START + 2 * HOUR, fresh=True)  # by a clock that is behind
    assert len(await rows.due(START)) == 2


@pytest.mark.parametrize("outcome", Outcome)
async def test_one_looks_back_on_the_last_one_that_was_told(
    wishes: Wishes, outcome: Outcome
) -> None:
    rows = wishes.database.digests
    for hour in range(3):
        await rows.begin(plan("C1"), START + hour * HOUR, fresh=True)
        if not hour:
            (first,) = await rows.due(START)
            await rows.end(first, Outcome.QUIET)
    second, third = await rows.due(START)
    assert (second.since, third.since) == (START, START)
    await rows.end(second, outcome)
    await rows.begin(plan("C1"), START + 3 * HOUR, fresh=True)
    expected = START + HOUR if outcome.told else START
    assert {d.since for d in await rows.due(START)} == {expected}


async def test_what_somebody_else_has_claimed_since_is_not_freed(
    wishes: Wishes, clock: HandClock
) -> None:
    rows = wishes.database.digests
    await rows.begin(plan("C1"), START, fresh=True)
    (due,) = await rows.due(START)
    stale = await rows.claim(due)
    assert stale is not None
    clock.advance(5)
    claimed = await rows.claim(stale)
    await rows.free(stale)
    assert await rows.due(START) == [claimed]


async def test_what_comes_once_in_two_months_looks_back_on_the_one_before(wishes: Wishes) -> None:
    rows = wishes.database.digests
    await rows.begin(plan("C1"), START, fresh=True)
    (due,) = await rows.due(START)
    await rows.end(due, Outcome.POSTED)
    await rows.begin(plan("C1"), START + 60 * DAY, fresh=False)
    (due,) = await rows.due(START)
    assert due.since == START


async def test_what_was_posted_is_audited_and_what_was_not_is_not(wishes: Wishes) -> None:
    rows = wishes.database.digests
    for number, outcome in enumerate((Outcome.POSTED, Outcome.QUIET, Outcome.REFUSED)):
        await rows.begin(plan(f"C{number}"), START, fresh=True)
        (due,) = await rows.due(START)
        await rows.end(due, outcome, "17.1")
        await rows.end(due, outcome, "17.2")
    told = await wishes.look("select outcome from audit where action = 'digest.posted'")
    assert sorted(row["outcome"] for row in told) == ["posted", "refused"]


async def dry_run(wishes: Wishes) -> None:
    """Nothing is done by it."""
    env = (await wishes.look("select id from environments"))[0]["id"]
    await wishes.submit(EnvId(env), SyncInput(dry_run=True))
    (claim,) = await wishes.claim()
    await wishes.journal.finish(claim, End.SUCCEEDED, "", [])


async def test_what_ended_well_is_counted_and_how_long_it_took(
    wishes: Wishes, clock: HandClock
) -> None:
    rows = wishes.database.digests
    for number, seconds in enumerate((60, 120)):
        await wishes.create(f"feat/{number}")
        clock.advance(seconds)
        (claim,) = await wishes.claim()
        await wishes.journal.finish(claim, End.SUCCEEDED, "", [])
    await dry_run(wishes)
    now = clock.now()
    assert await rows.done(START, now + HOUR) == Done({Kind.CREATE: 2})
    assert await rows.done(START - DAY, START) == Done()
    speed = await rows.speed(now)
    assert (sorted(speed.week), speed.before, speed.now, speed.then) == ([60, 120], [], 90, None)
    speed = await rows.speed(now + 8 * DAY)
    assert (speed.now, speed.then) == (None, 90)


async def test_what_lived_and_what_was_deployed_is_found(wishes: Wishes, clock: HandClock) -> None:
    rows = wishes.database.digests
    for number in range(2):
        await wishes.create(f"feat/{number}")
        clock.advance(60)
        (claim,) = await wishes.claim()
        await wishes.journal.finish(claim, End.SUCCEEDED, "", [])
    await dry_run(wishes)
    past = await rows.past(START - DAY)
    assert [life.begun for life in past.lives] == [START, START]
    assert all(life.ended is None for life in past.lives)
    assert [(d.count, d.stages) for d in past.deployments] == [(1, False), (1, False)]
    assert (await rows.past(clock.now() + DAY)).deployments == []


async def test_a_daily_one_comes_once_a_day_of_the_zone_whatever_the_line(wishes: Wishes) -> None:
    rows, one = wishes.database.digests, plan("U1", daily=True)
    noon = START.replace(hour=12)
    for tick in (noon, noon + 3 * HOUR):
        await rows.begin(one, tick, fresh=True)
    assert [d.tick for d in await rows.due(noon)] == [noon]
    tokyo = replace(one, zone=ZoneInfo("Asia/Tokyo"))  # there 21:00 and midnight
    await rows.begin(tokyo, noon + 3 * HOUR, fresh=True)
    assert len(await rows.due(noon)) == 2
