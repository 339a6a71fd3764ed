"""Who waits for an answer hears once that it is still to come, and never behind it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from qbot.domain import actions
from qbot.domain.environment import Phase
from tests.sandbox.slack.stage import ANA, CHLOE, DAN, GENERAL
from tests.sandbox.slack.stage import until as seen
from tests.slack.releases.stages import STAGES, opened, populated, value
from tests.slack.scene import Scene
from tests.slack.scene import scene as built
from tests.slack.test_unfinished import another, died

SOON = 0.05  # seconds
Asks = Callable[[Scene], Awaitable[tuple[str, str]]]


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Scene]:
    """Slack waits for a moment, people for two."""
    async with built(tmp_path, patience=SOON, still_after=SOON, stages=STAGES) as scene:
        yield populated(scene)


@pytest.fixture
async def cardless(tmp_path: Path) -> AsyncIterator[Scene]:
    """Nobody posts cards, and people wonder soon."""
    async with built(tmp_path, card_after=4 * SOON) as scene:
        yield scene


def lines(scene: Scene, user: str = ANA) -> list[str]:
    """That something is still to come, wherever Slack shows it."""
    told = [*scene.private(user), *scene.direct(user)]
    return [m.text for m in told if "Still at" in m.text]


async def typed(scene: Scene) -> tuple[str, str]:
    """A command that asks who somebody is."""
    scene.people.answering.clear()
    payload = scene.line("freeze production incident 42", CHLOE)
    assert (await scene.send("slash", payload)).body is None
    return CHLOE, "Still at `/env freeze production incident 42`: the answer follows here."


async def read(scene: Scene) -> tuple[str, str]:
    """A command whose answer is sent after the acknowledgement in any case."""
    await scene.environment("feat/x")
    scene.argocd.answering.clear()
    assert await scene.type("show feat/x") is None
    return ANA, "Still at `/env show feat/x`: the answer follows here."


async def pressed(scene: Scene) -> tuple[str, str]:
    number, card = await opened(scene)
    scene.people.answering.clear()
    payload = scene.pressed(card, actions.APPROVE, value(number), CHLOE)
    assert (await scene.send("interactive", payload)).status == 200
    shows = "its card shows it once it counts, or you are told here why it does not"
    return CHLOE, f"Still at your approval of P-{number}: {shows}."


async def submitted(scene: Scene) -> tuple[str, str]:
    await scene.type("create")
    await scene.settled()
    view = scene.view()
    assert view is not None
    scene.gitlab.answering.clear()
    await scene.played.drive(
        "submit", user=ANA, view_id=view.id, values={actions.BRANCH_INPUT: "feat/y"}
    )
    line = "Still at the form *Create Environment*: its card shows it, or you are told here."
    return ANA, line


@pytest.mark.parametrize("asks", [typed, read, pressed, submitted])
async def test_who_waits_is_told_once_what_is_still_to_come(slow: Scene, asks: Asks) -> None:
    user, line = await asks(slow)
    await seen(lambda: lines(slow, user))
    await asyncio.sleep(3 * SOON)
    (said,) = lines(slow, user)
    assert line in said
    for gate in (slow.people, slow.gitlab, slow.argocd):
        gate.answering.set()
    await slow.settled()
    assert len(lines(slow, user)) == 1


async def test_an_answer_that_is_slow_twice_is_told_of_once_and_comes_behind(slow: Scene) -> None:
    await slow.environment("feat/x")
    slow.played.kernel.faults.add("slack", "users.info", "slow:0.3", 1)
    slow.argocd.answering.clear()
    assert await slow.type("show feat/x", DAN) is None
    await seen(lambda: lines(slow, DAN))
    await asyncio.sleep(0.5)
    slow.argocd.answering.set()
    await slow.settled()
    line, answer = slow.private(DAN)
    assert "Still at `/env show feat/x`" in line.text
    assert "feat/x" in answer.text


async def test_where_the_answer_comes_in_time_nothing_else_does(tmp_path: Path) -> None:
    async with built(tmp_path, patience=SOON, still_after=1.0) as scene:
        await scene.environment("feat/x")
        scene.played.kernel.faults.add("slack", "users.info", "slow:0.2", 1)
        assert await scene.type("list", DAN) is None
        await scene.type("show feat/x")
        await scene.settled()
        assert lines(scene, DAN) + lines(scene) == []
        assert len(scene.private(DAN) + scene.private()) == 2


async def test_a_line_that_slack_does_not_take_keeps_no_answer_and_is_over(slow: Scene) -> None:
    await slow.environment("feat/x")
    slow.argocd.answering.clear()
    slow.played.kernel.faults.add("slack", "POST /commands", "hang", 1)
    assert await slow.type("show feat/x") is None
    await asyncio.sleep(3 * SOON)
    began = time.monotonic()
    slow.argocd.answering.set()
    await slow.settled()
    assert time.monotonic() - began < 1.5
    (answer,) = slow.private()
    assert "Still at" not in answer.text
    assert await slow.database.unfinished.left("somebody") == []


async def test_what_a_dead_process_left_is_not_told_of_a_second_time(slow: Scene) -> None:
    await slow.environment("feat/x")
    slow.played.kernel.faults.add("slack", "users.info", "slow:1", 1)
    assert await slow.type("show feat/x", DAN) is None
    await seen(lambda: lines(slow, DAN))
    await died(slow)
    slow.desk.still._told.clear()  # another process knows nothing of it
    slow.argocd.answering.clear()
    async with another(slow):
        await asyncio.sleep(6 * SOON)
        assert len(lines(slow, DAN)) == 1
        slow.argocd.answering.set()
        await seen(lambda: len(slow.private(DAN)) > 1)
    assert len(lines(slow, DAN)) == 1


async def test_a_preview_that_was_told_of_is_not_by_its_operation_as_well(slow: Scene) -> None:
    slow.played.kernel.faults.add("slack", "users.info", "slow:0.3", 1)
    assert await slow.type("create feat/x --dry-run") is None
    await slow.settled()
    assert len(lines(slow)) == 1
    (claim, *_) = await slow.database.journal.claim("worker", 1)
    await slow.desk.context.answers.waiting(claim.operation, "GitLab does not answer.")
    assert len(lines(slow)) == 1


async def test_a_card_that_slack_does_not_take_is_told_of_by_the_other_way(
    cardless: Scene,
) -> None:
    assert await cardless.type("create feat/x --services cart,orders") is None
    await seen(lambda: lines(cardless))
    (line,) = lines(cardless)
    assert "Still at `/env create feat/x --services cart,orders`: its card follows." in line
    await asyncio.sleep(5 * SOON)
    assert len(lines(cardless)) == 1


async def test_a_card_that_is_there_and_a_preview_that_has_none_are_not_told_of(
    cardless: Scene,
) -> None:
    assert await cardless.type("create feat/x") is None
    assert await cardless.type("create feat/y --dry-run") is None
    (operation,) = await cardless.operations("feat/x")
    await cardless.database.cards.posted(
        operation.id, end=False, channel=GENERAL, ts="1.0", version=1, shown_hash=""
    )
    await asyncio.sleep(6 * SOON)
    assert lines(cardless) == []


async def test_a_card_that_never_came_is_not_told_of_once_all_is_over(cardless: Scene) -> None:
    assert await cardless.type("create feat/x") is None
    await cardless.end(Phase.READY)
    await asyncio.sleep(6 * SOON)
    assert lines(cardless) == []
