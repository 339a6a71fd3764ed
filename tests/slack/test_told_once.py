"""A line that something is still to come is never behind it, whatever way the answer goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from qbot.domain import actions
from qbot.domain.operation import Operation
from qbot.errors import UserError
from qbot.render.listing import Page
from qbot.render.notices import notice
from qbot.sandbox.slack.world import Change
from tests.sandbox.slack.stage import CHLOE, DAN, GENERAL, until
from tests.slack.releases.stages import STAGES, populated
from tests.slack.scene import Scene
from tests.slack.scene import scene as built

SOON = 0.05  # seconds
Asks = Callable[[Scene], Awaitable[None]]
Answers = Callable[[Scene, Operation], Awaitable[None]]


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Scene]:
    """Slack waits for a moment, people for two, and for a card for four."""
    async with built(
        tmp_path, patience=SOON, still_after=SOON, card_after=4 * SOON, stages=STAGES
    ) as scene:
        yield populated(scene)


async def under_way(scene: Scene) -> None:
    """Slack is taking a line."""
    await until(lambda: scene.desk.still._lines)


async def frozen(scene: Scene) -> None:
    """Its answer is for the whole channel."""
    scene.people.answering.clear()
    scene.played.kernel.faults.add("slack", "POST /commands", "slow:0.3", 1)
    payload = scene.line("freeze production incident 42", CHLOE)
    assert (await scene.send("slash", payload)).body is None
    await under_way(scene)
    scene.people.answering.set()


async def paged(scene: Scene) -> None:
    """Its answer takes the place of what was pressed."""
    await scene.slack.post_ephemeral(GENERAL, DAN, notice("page 1"))
    (shown,) = scene.private(DAN)
    scene.played.kernel.faults.add("slack", "users.info", "slow:0.3", 1)
    scene.played.kernel.faults.add("slack", "POST /actions", "slow:0.4", 1)
    payload = scene.pressed(shown, actions.LIST_ON, Page(0).value(), DAN)
    assert (await scene.send("interactive", payload)).status == 200


@pytest.mark.parametrize("asks", [frozen, paged])
async def test_an_answer_comes_behind_the_line_that_slack_is_taking(
    slow: Scene, asks: Asks
) -> None:
    seen: list[str] = []

    def look(change: Change) -> None:
        assert change.message is not None
        seen.append(f"{change.what} {change.message.text}")

    with slow.played.slack.world.watching(look):
        await asks(slow)
        await slow.settled()
    line, answer = seen[-2:]
    assert "Still at" in line
    assert "Still at" not in answer


@pytest.mark.parametrize("action_id", [actions.OPEN, actions.MERGE_REQUEST, actions.KEEP])
async def test_no_answer_is_promised_where_none_comes(slow: Scene, action_id: str) -> None:
    await slow.slack.post_ephemeral(GENERAL, DAN, notice("a link, or a question"))
    (shown,) = slow.private(DAN)
    slow.played.kernel.faults.add("slack", "users.info", "slow:0.4", 1)
    said: list[str] = []

    def look(change: Change) -> None:
        said.append(change.message.text if change.message else "")

    with slow.played.slack.world.watching(look):
        payload = slow.pressed(shown, action_id, "e1", DAN)
        assert (await slow.send("interactive", payload)).status == 200
        await slow.settled()
    assert not [text for text in said if "Still at" in text]


async def test_an_announcement_does_not_wait_for_a_line_that_slack_does_not_take(
    slow: Scene,
) -> None:
    slow.people.answering.clear()
    slow.played.kernel.faults.add("slack", "POST /commands", "hang", 1)
    payload = slow.line("freeze production incident 42", CHLOE)
    assert (await slow.send("slash", payload)).body is None
    await under_way(slow)
    began = time.monotonic()
    slow.people.answering.set()
    await slow.settled()
    assert time.monotonic() - began < 1.5
    (told,) = slow.played.slack.world.channels[GENERAL].messages.values()
    assert "incident 42" in told.text


async def refuse(scene: Scene, op: Operation) -> None:
    await scene.desk.context.answers.tell(op, UserError("No repository has it."))


async def preview(scene: Scene, op: Operation) -> None:
    assert op.progress is not None
    await scene.desk.context.answers.preview(op, op.progress)


@pytest.mark.parametrize("answer", [refuse, preview])
async def test_what_an_operation_tells_comes_behind_the_line_that_its_card_follows(
    slow: Scene, answer: Answers
) -> None:
    slow.played.kernel.faults.add("slack", "POST /commands", "slow:0.3", 1)
    await slow.environment("feat/x")
    (op,) = await slow.operations("feat/x")
    await under_way(slow)
    await answer(slow, op)
    line, told = slow.private()
    assert "its card follows" in line.text
    assert "Still at" not in told.text


async def test_a_preview_comes_behind_the_line_that_says_why_it_takes_longer(slow: Scene) -> None:
    await slow.environment("feat/x")
    (op,) = await slow.operations("feat/x")
    slow.played.kernel.faults.add("slack", "POST /commands", "slow:0.3", 1)
    waiting = asyncio.ensure_future(slow.desk.context.answers.waiting(op, "GitLab is away."))
    await under_way(slow)
    await preview(slow, op)
    await waiting
    line, told = slow.private()
    assert "GitLab is away" in line.text
    assert "Still at" not in told.text


async def test_a_preview_gives_up_a_line_that_slack_does_not_take_and_nothing_else(
    slow: Scene,
) -> None:
    await slow.environment("feat/x")
    (op,) = await slow.operations("feat/x")
    slow.played.kernel.faults.add("slack", "POST /commands", "hang", 1)
    waiting = asyncio.ensure_future(slow.desk.context.answers.waiting(op, "GitLab is away."))
    await under_way(slow)
    await preview(slow, op)
    async with asyncio.timeout(1):
        await waiting
    (told,) = slow.private()
    assert "Still at" not in told.text


async def test_what_an_operation_has_told_is_not_told_of_any_more(slow: Scene) -> None:
    await slow.environment("feat/x")
    (op,) = await slow.operations("feat/x")
    await refuse(slow, op)
    await asyncio.sleep(6 * SOON)
    (told,) = slow.private()
    assert "No repository has it" in told.text


async def test_a_stop_gives_up_a_line_that_slack_does_not_take(slow: Scene) -> None:
    slow.played.kernel.faults.add("slack", "POST /commands", "hang", 1)
    await slow.environment("feat/x")
    await under_way(slow)
    async with asyncio.timeout(1):
        await slow.desk.still.stop()
    assert slow.desk.still._lines == {}
