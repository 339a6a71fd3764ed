"""What Slack did not take while it was away is told when it is back, once, whoever dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from qbot.domain import actions
from qbot.domain.people import Actor
from qbot.domain.unfinished import UnfinishedRows
from qbot.gateways.clock import SystemClock
from qbot.render.notices import notice
from qbot.render.wanted import THAT
from qbot.sandbox.slack.model import Message
from qbot.slack.register import go_on
from qbot.slack.unfinished import Unfinished
from qbot.slack.untold import ANSWERS, Untold
from tests.clocks import HandClock
from tests.sandbox.slack.stage import CHLOE, DAN, GENERAL, RELEASES, SECRET
from tests.sandbox.slack.stage import until as seen
from tests.slack.releases.stages import STAGES, opened, populated, value
from tests.slack.releases.test_decisions import words
from tests.slack.scene import Scene
from tests.slack.scene import scene as built
from tests.slack.test_unfinished import died, until

TOLD = (STAGES[0], replace(STAGES[1], channel=RELEASES))
WAYS = ("500", "drop-before", "drop-after")


class Later(SystemClock):
    """So much later than it is."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    @override
    def now(self) -> datetime:
        return super().now() + self._by


def away(scene: Scene, way: str = "500", *paths: str) -> None:
    for path in paths or ("POST /", "GET /"):
        scene.played.kernel.faults.add("slack", path, way, 500)


def back(scene: Scene) -> None:
    scene.played.kernel.faults.clear()


def channel(scene: Scene, name: str) -> list[Message]:
    found = scene.played.slack.world.channels[name].messages.values()
    return [m for m in found if not m.only_for]


@asynccontextmanager
async def survivor(scene: Scene) -> AsyncIterator[Untold]:
    """Of another process, which has found what there is to tell."""
    rows, clock = scene.database.unfinished, scene.database.clock
    other = Untold(rows, scene.slack, clock, worker="other")
    work = Unfinished(rows, clock, worker="other", every=0.01)
    guard = replace(scene.guard, desk=replace(scene.desk, untold=other), unfinished=work)
    task = asyncio.create_task(go_on(guard, scene.listeners))
    try:
        await seen(lambda: other._left)
        yield other
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Scene]:
    async with built(tmp_path, patience=5.0, stages=TOLD) as scene:
        yield populated(scene)


@pytest.mark.parametrize("way", WAYS)
async def test_an_approval_that_was_not_counted_is_told_with_its_name_once_slack_is_back(
    shop: Scene, way: str
) -> None:
    number, card = await opened(shop)
    shop.people.limited = [900.0]
    away(shop, way)
    await shop.press(card, actions.APPROVE, value(number), CHLOE)
    back(shop)
    for _ in range(2):
        await shop.desk.untold.tell()
    assert await words(shop, number) == []
    (told,) = [m for m in shop.direct(CHLOE) if "Slack did not take" in m.text]
    assert f"Your approval of P-{number} was not counted: Slack" in told.text
    assert "Press again" in told.text
    assert await shop.database.unfinished.left("somebody") == []


async def test_what_was_acknowledged_first_and_not_counted_then_is_told_afterwards(
    tmp_path: Path,
) -> None:
    async with built(tmp_path, patience=0.05, stages=TOLD) as scene:
        number, card = await opened(populated(scene))
        scene.people.answering.clear()
        payload = scene.pressed(card, actions.APPROVE, value(number), CHLOE)
        assert (await scene.send("interactive", payload)).status == 200
        scene.people.limited = [900.0]
        away(scene)
        scene.people.answering.set()
        await scene.settled()
        back(scene)
        await scene.desk.untold.tell()
        (told,) = scene.direct(CHLOE)
        assert f"Your approval of P-{number} was not counted" in told.text
        assert await scene.database.unfinished.left("somebody") == []


async def test_a_command_is_named_by_what_was_typed(shop: Scene) -> None:
    away(shop)
    answer = await shop.type("create feat/x")
    assert answer is not None
    assert (
        "`/env create feat/x` could not be done just now: Slack does not say whose account"
        in answer.text
    )


async def test_whoever_lives_tells_what_a_process_that_died_could_not(shop: Scene) -> None:
    number, card = await opened(shop)
    shop.people.limited = [900.0]
    away(shop)
    await shop.press(card, actions.APPROVE, value(number), CHLOE)
    back(shop)
    async with survivor(shop) as other:
        await other.tell()
        await shop.desk.untold.tell()  # it lives, and was taken for dead
    assert len(shop.direct(CHLOE)) == 1
    assert await shop.database.unfinished.left("somebody") == []


async def test_a_freeze_is_told_although_who_was_to_tell_it_died_while_slack_hung(
    shop: Scene,
) -> None:
    away(shop, "hang", "POST /")
    assert await shop.type("freeze production incident 42", CHLOE) is None
    await until(lambda: shop.database.unfinished.left("slack's heir"))
    await died(shop)
    back(shop)
    async with survivor(shop) as other:
        await other.tell()
    assert [m for m in channel(shop, RELEASES) if "incident 42" in m.text]


async def test_a_freeze_is_told_although_slack_refused_its_first_way_and_its_process_died(
    shop: Scene,
) -> None:
    await shop.type("help", CHLOE)  # she is known from now on
    away(shop, "hang", "POST /api/chat.")
    (hanging,) = shop.played.kernel.faults.left()
    orders = hanging.times
    payload = shop.line("freeze staging incident 42", CHLOE)
    shop.played.slack.responses.clear()
    assert (await shop.send("slash", payload)).body is None
    await seen(lambda: hanging.times < orders)
    await died(shop)
    back(shop)
    async with survivor(shop) as other:
        await other.tell()
    (told,) = [m for m in channel(shop, GENERAL) if "incident 42" in m.text]
    assert "Slack did not take it then" in told.text


@pytest.mark.parametrize("where", [GENERAL, SECRET])
async def test_a_freeze_is_told_where_it_was_typed_although_its_process_died_meanwhile(
    shop: Scene, where: str
) -> None:
    await shop.type("help", CHLOE, where)  # she is known from now on
    away(shop, "hang", "POST /commands")
    (hanging,) = shop.played.kernel.faults.left()
    orders = hanging.times
    assert await shop.type("freeze staging incident 42", CHLOE, where) is None
    await seen(lambda: hanging.times < orders)
    await died(shop)
    back(shop)
    assert not [m for m in channel(shop, where) if "incident 42" in m.text]
    async with survivor(shop) as other:
        await other.tell()
    # Where Qbot is no member, only who asked is told.
    place = channel(shop, where) if where == GENERAL else shop.direct(CHLOE)
    (told,) = [m for m in place if "incident 42" in m.text]
    assert "Slack did not take it then" in told.text
    assert await shop.database.unfinished.left("somebody") == []


async def test_one_that_slack_never_takes_keeps_nobody_from_theirs(shop: Scene) -> None:
    untold = shop.desk.untold
    for user in (CHLOE, DAN):
        await untold.answer(user, Actor(shop.guard.team, user), THAT, notice("hello"))
    shop.played.kernel.faults.add("slack", "POST /", "500", 1)  # the way to chloe's DM
    await untold.tell()
    assert (len(shop.direct(CHLOE)), len(shop.direct(DAN))) == (0, 1)
    await untold.tell()
    assert (len(shop.direct(CHLOE)), len(shop.direct(DAN))) == (1, 1)


async def test_a_slack_that_sets_a_limit_is_left_alone_as_long_as_it_says(shop: Scene) -> None:
    clock = HandClock(shop.database.clock.now())
    untold = Untold(shop.database.unfinished, shop.slack, clock, worker="mine")
    for user in (CHLOE, DAN):
        await untold.answer(user, Actor(shop.guard.team, user), THAT, notice("hello"))
    shop.played.kernel.faults.add("slack", "POST /", "429", 1)  # for ten seconds
    for _ in range(2):
        await untold.tell()
    assert shop.direct(CHLOE) == shop.direct(DAN) == []
    clock.advance(10)
    await untold.tell()
    assert (len(shop.direct(CHLOE)), len(shop.direct(DAN))) == (1, 1)


async def test_after_an_hour_an_answer_is_not_told_any_more(shop: Scene) -> None:
    number, card = await opened(shop)
    shop.people.limited = [900.0]
    away(shop)
    await shop.press(card, actions.APPROVE, value(number), CHLOE)
    back(shop)
    (came,) = await shop.database.unfinished.left("much later")
    rows: UnfinishedRows = shop.database.unfinished
    late = Untold(rows, shop.slack, Later(ANSWERS + timedelta(minutes=1)), worker="much later")
    late.take(came)
    await late.tell()
    assert shop.direct(CHLOE) == []
    assert await rows.left("somebody") == []


@pytest.mark.parametrize("way", WAYS)
async def test_a_freeze_is_told_to_its_channels_once_slack_is_back(shop: Scene, way: str) -> None:
    await shop.type("help", CHLOE)  # she is known from now on
    away(shop, way)
    assert await shop.type("freeze production incident 42", CHLOE) is None
    await shop.settled()
    back(shop)
    for _ in range(2):
        await shop.desk.untold.tell()
    (told,) = [m for m in channel(shop, RELEASES) if "incident 42" in m.text]
    assert way == "drop-after" or "Slack did not take it then" in told.text
    typed_in = [m for m in channel(shop, GENERAL) if "incident 42" in m.text]
    assert len(typed_in) == (2 if way == "drop-after" else 1)  # a response_url bears no mark
    assert await shop.database.unfinished.left("somebody") == []
