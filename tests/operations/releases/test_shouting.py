"""A broken glass is told of: to the channel and to who may approve, each once, come what may."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace

import pytest

from qbot.errors import PermanentError, TransientError
from qbot.operations.releases.case import Case
from qbot.operations.releases.shouting import shouted, shouted_after_all
from tests.operations.releases.planning_scene import MANAGERS, PRODUCTION
from tests.operations.releases.proposals import ProposedScene
from tests.operations.scene import ANA

EVERYBODY = [
    ("channel", ("UCHLOE", "UDAN")),
    ("UCHLOE", ("UCHLOE", "UDAN")),
    ("UDAN", ("UCHLOE", "UDAN")),
]


@pytest.fixture
async def shop() -> AsyncIterator[ProposedScene]:
    made = ProposedScene()
    made.people.roles = dict.fromkeys(("UCHLOE", "UDAN", ANA.user), frozenset({MANAGERS}))
    made.change_stage(PRODUCTION, break_glass=(MANAGERS,))
    yield made
    await made.close()


def emergency(shop: ProposedScene) -> Case:
    """A worker has it, with what is recorded."""
    shop.running = case = shop.case(shop.asked("cart"))
    case.promotion = replace(case.promotion, emergency=True, reason="checkout is down")
    shop.rows.rows = [case.promotion]
    return case


def told(shop: ProposedScene) -> list[tuple[str, str]]:
    rows = [row for row in shop.audited() if row["action"] == "promotion.glass-broken"]
    return [(row["to"], row["outcome"]) for row in rows]


async def test_the_channel_and_everybody_who_may_approve_are_told_once(
    shop: ProposedScene,
) -> None:
    for _ in range(2):  # the second run goes on after a crash
        case = emergency(shop)
        await shouted(case)
        await shouted(case)
        await shouted_after_all(case)
        await shop.close()
    assert shop.notices.shouts == EVERYBODY
    assert told(shop) == [("C1", "done"), ("T1-UCHLOE", "done"), ("T1-UDAN", "done")]
    assert {(row["rule"], row["roles"]) for row in shop.audited()} == {("break-glass", MANAGERS)}


async def test_who_could_not_be_told_before_is_told_afterwards(shop: ProposedScene) -> None:
    shop.notices.faults.lay("shout", PermanentError("Slack is closed"))
    case = emergency(shop)
    await shouted(case)
    assert shop.notices.shouts == []  # where the channel is not heard, people are not tried
    assert told(shop) == []
    await shouted_after_all(case)
    assert shop.notices.shouts == EVERYBODY


async def test_what_slack_never_takes_is_written_down_as_that(shop: ProposedScene) -> None:
    shop.notices.faults.lay("shout", PermanentError("Slack is closed"), times=2)
    case = emergency(shop)
    await shouted(case)
    await shouted_after_all(case)
    assert told(shop) == [("C1", "failed"), ("T1-UCHLOE", "done"), ("T1-UDAN", "done")]
    assert shop.notices.shouts == EVERYBODY[1:]


async def test_an_emergency_does_not_wait_for_slack_to_have_room_for_people(
    shop: ProposedScene,
) -> None:
    case, notices = emergency(shop), shop.notices
    notices.limited = "UCHLOE"
    await shouted(case)
    assert [to for to, _ in notices.shouts] == ["channel"]
    await shouted_after_all(case)
    assert notices.shouts == EVERYBODY


async def test_what_is_no_emergency_is_not_shouted(shop: ProposedScene) -> None:
    shop.running = case = shop.case(shop.asked("cart"))
    await shouted(case)
    await shouted_after_all(case)
    assert shop.notices.shouts == []


async def test_a_slack_that_is_away_keeps_the_stage_for_a_minute_however_many_are_to_be_told(
    shop: ProposedScene,
) -> None:
    shop.people.roles |= {f"U{n}": frozenset({MANAGERS}) for n in range(8)}
    shop.notices.faults.lay("shout", TransientError("Slack is away"), times=1_000)
    case = emergency(shop)
    await in_time(shop, shouted(case))
    assert await in_time(shop, shouted_after_all(case)) < 90
    assert {outcome for _, outcome in told(shop)} == {"failed"}
    assert len(told(shop)) == 11


async def in_time(shop: ProposedScene, work: Coroutine[None, None, None]) -> float:
    """How many seconds it takes."""
    begun, task = shop.clock.monotonic(), asyncio.create_task(work)
    while not task.done():
        await asyncio.sleep(0)
        shop.clock.advance(1)
    await task
    return shop.clock.monotonic() - begun
