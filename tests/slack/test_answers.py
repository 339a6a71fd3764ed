"""Private answers: by the nearest way that Slack takes, and never twice."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from qbot.domain.barriers import BarredError, Barrier
from qbot.domain.inputs import CreateInput, SyncInput
from qbot.domain.names import BranchName, OpId, ServiceName
from qbot.domain.operation import Operation
from qbot.domain.people import Actor, Place
from qbot.domain.policy import Denied, RefusedError
from qbot.domain.progress import End, Kind, Progress
from qbot.domain.promotion import PromotionState
from qbot.errors import TransientError, UserError
from qbot.operations.requests import Asked
from qbot.render.card import card
from qbot.render.ending import end_reply
from qbot.render.notices import notice
from qbot.render.releases.card import stage_card
from qbot.render.releases.ending import stage_ending
from qbot.slack.answers import _SHOWN
from qbot.slack.payload import Delivery
from tests.render.releases.samples import WAITING
from tests.render.samples import STYLE
from tests.sandbox.slack.stage import ANA, BEN, CHLOE, GENERAL, RANDOM
from tests.slack.scene import Scene, said

HELLO = notice("hello")
UNTIL = datetime(2026, 11, 30, 9, tzinfo=UTC)
BEN_ = Actor("T1", BEN)
LOCKED = BarredError(
    (Barrier("lock", "`feat/x` is locked: load test.", UNTIL, Actor("T1", CHLOE), scope="env-1"),)
)
FROZEN = BarredError(
    (Barrier("freeze", "`production` is frozen by the calendar: `weekend`.", UNTIL, exempt=True),)
)


def delivery(url: str = "", channel: str = "") -> Delivery:
    return Delivery(Asked(actor=Actor("T1", ANA), place=Place(channel, url), key="k"), "t")


async def carded(scene: Scene, where: str) -> Operation:
    """Asked for in the general channel; its card stands there, or elsewhere."""
    await scene.environment("feat/x")
    (operation,) = await scene.operations("feat/x")
    cards = scene.database.cards
    if where != GENERAL:
        await cards.move(operation.id, where)
    await cards.posted(operation.id, end=False, channel="C", ts="1.0", version=1, shown_hash="")
    return operation


async def test_by_the_response_url_then_in_the_channel_then_in_the_dm(scene: Scene) -> None:
    url = scene.line("help")["response_url"]
    await scene.desk.whisper(delivery(url, GENERAL), HELLO)
    await scene.desk.whisper(delivery(url + "-old", GENERAL), HELLO)
    await scene.desk.whisper(delivery(url + "-old", RANDOM), HELLO)
    await scene.desk.whisper(delivery(), HELLO)
    assert (len(scene.private()), len(scene.direct())) == (2, 2)


async def test_an_answer_that_may_be_there_is_not_given_again(scene: Scene) -> None:
    scene.played.kernel.faults.add("slack", "POST /commands", "drop-after", 1)
    await scene.desk.whisper(delivery(scene.line("help")["response_url"], GENERAL), HELLO)
    assert (len(scene.private()), scene.direct()) == (1, [])


async def test_where_slack_takes_nothing_it_is_logged_and_over(scene: Scene) -> None:
    scene.played.kernel.faults.add("slack", "chat.post", "404", 2)
    scene.played.kernel.faults.add("slack", "chat.post", "429", 2)
    with capture_logs() as logs:
        await scene.desk.whisper(delivery(channel=GENERAL), HELLO)
    assert scene.private() + scene.direct() == []
    assert logs


async def test_a_refusal_by_an_operation_comes_by_its_own_url_or_as_a_message(
    scene: Scene,
) -> None:
    answers = scene.desk.context.answers
    await scene.environment("feat/x")
    (operation,) = await scene.operations("feat/x")
    why = UserError("No repository has it.", hint="`list` shows more.")
    await answers.tell(operation, why)
    (told,) = scene.private()
    assert "`/env list` shows more" in told.text
    scene.played.slack.responses.clear()
    await answers.tell(operation, why)
    assert "No repository has it" in scene.direct()[0].text
    scene.played.kernel.faults.add("slack", "chat.postMessage", "500", 1)
    await answers.tell(operation, why)
    assert (len(scene.private()), len(scene.direct())) == (1, 1)


@pytest.mark.parametrize(("posted", "told"), [(0.0, 0), (0.2, 0), (60.0, 1)])
async def test_a_refusal_is_told_by_its_card_and_thread_where_slack_takes_them_in_time(
    scene: Scene, posted: float, told: int
) -> None:
    await scene.environment("feat/x")
    (operation,) = await scene.operations("feat/x")
    cards = scene.database.cards
    await cards.trying(operation.id, end=False)

    async def post() -> None:
        await asyncio.sleep(posted)
        await cards.posted(
            operation.id, end=False, channel=GENERAL, ts="1.0", version=1, shown_hash=""
        )

    posting = asyncio.create_task(post())
    await asyncio.sleep(0.05)
    await scene.desk.context.answers.tell(operation, UserError("No repository has it."))
    posting.cancel()
    assert len(scene.private() + scene.direct()) == told


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (LOCKED, [f"<@{CHLOE}>", f"<!date^{int(UNTIL.timestamp())}^", "Tell Me When Free"]),
        (FROZEN, [f"<!date^{int(UNTIL.timestamp())}^"]),
        (RefusedError(Denied("That is for the owner.", "owner", BEN_)), [f"Ask <@{BEN}>."]),
        (UserError("Nobody else may approve it.", only=[CHLOE]), [f"<@{CHLOE}> alone can."]),
        (UserError("P-1 changes it. " * 20, hint=f"{'Wait. ' * 20}Withdraw it."), ["Withdraw it."]),
    ],
)
async def test_a_refusal_with_more_than_card_and_thread_show_is_told_privately_with_all_of_it(
    scene: Scene, error: UserError, lost: Sequence[str]
) -> None:
    operation = await carded(scene, GENERAL)
    await scene.desk.context.answers.tell(operation, error)
    (told,) = scene.private()
    assert [part for part in lost if part not in said(told)] == []


@pytest.mark.parametrize("more", [0, 1])
async def test_the_longest_refusal_that_is_not_told_again_is_whole_on_every_card_and_in_its_thread(
    scene: Scene, more: int
) -> None:
    error = UserError("y" * (_SHOWN - 8 + more), hint="Wait. z")
    words = f"{error} {error.hint}"
    operation = await carded(scene, GENERAL)
    await scene.desk.context.answers.tell(operation, error)
    assert len(scene.private()) == more
    assert isinstance(operation.progress, Progress)
    made = replace(operation.progress, end=End.REFUSED, headline=words)
    moved = replace(WAITING, end=End.REFUSED, state=PromotionState.REFUSED, headline=words)
    cards = [card(made, STYLE), stage_card(moved, STYLE), stage_ending(moved, STYLE)]
    assert [shown for shown in cards if words not in str(shown.blocks)] == []
    assert (words in str(end_reply(made, STYLE).blocks)) == (more == 0)


@pytest.mark.parametrize(("where", "told"), [(GENERAL, 0), (ANA, 0), (RANDOM, 1)])
async def test_a_refusal_is_told_privately_where_its_card_is_not_where_it_was_asked_for(
    scene: Scene, where: str, told: int
) -> None:
    operation = await carded(scene, where)
    await scene.desk.context.answers.tell(operation, UserError("No repository has it."))
    assert len(scene.private() + scene.direct()) == told


async def test_the_refusal_of_a_dry_run_is_told_whatever_cards_there_are(scene: Scene) -> None:
    await scene.environment("feat/x")
    (operation,) = await scene.operations("feat/x")
    await scene.database.cards.trying(operation.id, end=False)
    dry = replace(operation, input=CreateInput(BranchName("feat/x"), dry_run=True))
    await scene.desk.context.answers.tell(dry, UserError("No repository has it."))
    assert len(scene.private()) == 1


async def test_several_previews_of_one_kind_can_be_told_apart(scene: Scene) -> None:
    await scene.environment("feat/x")
    (operation,) = await scene.operations("feat/x")
    for number, services in enumerate([("cart",), ("cart", "orders")]):
        asked = SyncInput(tuple(map(ServiceName, services)), prune=True, dry_run=True)
        place = replace(operation.place, response_url=scene.line("sync feat/x")["response_url"])
        dry = replace(
            operation, kind=Kind.SYNC, input=asked, id=OpId(f"o{number}"), place=place,
            progress=None,
        )  # fmt: skip
        await scene.desk.context.answers.waiting(dry, "")
    first, then = (m.text for m in scene.private())
    assert "the preview of `/env sync feat/x cart --prune`" in first
    assert "the preview of `/env sync feat/x cart orders --prune`" in then


async def test_a_dry_run_is_named_whatever_becomes_of_it(scene: Scene) -> None:
    answers = scene.desk.context.answers
    await scene.environment("feat/x")
    (operation,) = await scene.operations("feat/x")
    dry = replace(operation, input=CreateInput(BranchName("feat/x"), dry_run=True))
    await answers.waiting(dry, "GitLab does not answer")
    await answers.waiting(dry, "GitLab does not answer")
    await answers.tell(dry, TransientError("GitLab cannot be reached for branch feat/x of a/b."))
    first, then = (m.text for m in scene.private())
    assert "Still at the preview of `/env create feat/x`: the answer follows here." in first
    told = (
        "The preview of `/env create feat/x` could not be done just now: GitLab cannot be reached."
    )
    assert told in then


async def test_what_an_operation_could_not_tell_is_told_once_slack_is_back(scene: Scene) -> None:
    await scene.environment("feat/x")
    (operation,) = await scene.operations("feat/x")
    scene.played.kernel.faults.add("slack", "POST /", "500", 9)
    await scene.desk.context.answers.tell(operation, UserError("No repository has it."))
    scene.played.kernel.faults.clear()
    await scene.desk.untold.tell()
    (told,) = scene.direct()
    assert "About `/env create feat/x`" in told.text
    assert "No repository has it" in told.text


async def test_a_stop_waits_for_answers_but_not_for_ever(scene: Scene) -> None:
    done: list[str] = []

    async def answer(seconds: float) -> None:
        await asyncio.sleep(seconds)
        done.append("answered")

    scene.desk.later(answer(0.01))
    scene.desk.later(answer(60))
    await scene.desk.settle(0.1)
    assert done == ["answered"]
    assert scene.desk.background == set()


@pytest.mark.parametrize(
    ("error", "level"), [(ZeroDivisionError(), "error"), (TransientError("busy"), "warning")]
)
async def test_an_answer_that_fails_is_logged(scene: Scene, error: Exception, level: str) -> None:
    async def fail() -> None:
        raise error

    with capture_logs() as logs:
        scene.desk.later(fail())
        await scene.settled()
    assert [(e["event"], e["log_level"]) for e in logs] == [("an answer failed", level)]


@pytest.mark.parametrize("user", ["", "U0NOBODY"])
async def test_an_answer_to_nobody_harms_nobody(scene: Scene, user: str) -> None:
    asked = Asked(actor=Actor("T1", user), place=Place(""), key="k")
    await scene.desk.whisper(Delivery(asked, ""), HELLO)
