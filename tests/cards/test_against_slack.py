"""The dispatcher, the gateway and every rendered message against the stand-in, over sockets."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typing_extensions import override

from qbot.cards.dispatcher import Dispatcher
from qbot.domain.operation import CardRow
from qbot.domain.people import Actor
from qbot.domain.progress import Progress
from qbot.gateways.clock import SystemClock
from qbot.gateways.slack import SlackGateway, open_slack
from qbot.render.blocks import Message
from tests.cards.fakes import MemoryCards, Places, ended, progress_of, ready
from tests.cards.world import STYLE
from tests.sandbox.slack.stage import ANA, GENERAL, RANDOM, Stage, stage, until

_HURRY = 20.0
GOLDEN = Path(__file__).parents[1] / "golden"
_KINDS = {p.stem: json.loads(p.read_text()).get("type", "message") for p in GOLDEN.glob("*.json")}
MESSAGES = sorted(name for name, kind in _KINDS.items() if kind == "message")
CHART = "F05CHART"  # the file that golden digests show
HOMES = sorted(name for name, kind in _KINDS.items() if kind == "home")


@dataclass
class Set:
    """Everything that a card goes through, real but for the database."""

    played: Stage
    slack: SlackGateway
    cards: MemoryCards
    dispatcher: Dispatcher

    def begin(self, channel: str = GENERAL) -> Progress:
        now = self.played.kernel.clock.now()
        progress = replace(progress_of(1, now), actor=Actor("T1", ANA))
        self.cards.begin(progress, channel)
        self.dispatcher.wake()
        return progress

    def change(self, progress: Progress) -> None:
        self.cards.change(progress)
        self.dispatcher.wake()

    async def row(self, progress: Progress, wanted: Callable[[CardRow], object]) -> CardRow:
        """The card's row once something is true of it."""
        await until(lambda: wanted(self.cards.rows[progress.op]))
        return self.cards.rows[progress.op]


class HurriedClock(SystemClock):
    """Everything that waits waits a twentieth of it."""

    @override
    def monotonic(self) -> float:
        return super().monotonic() * _HURRY

    @override
    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / _HURRY)


@asynccontextmanager
async def built() -> AsyncIterator[Set]:
    clock = HurriedClock()
    cards = MemoryCards(clock)
    async with (
        stage() as played,
        open_slack(played.slack.bot_token, f"{played.kernel.url}/slack/api/") as slack,
    ):
        dispatcher = Dispatcher(
            cards=cards, store=Places(cards), slack=slack, clock=clock, style=STYLE, worker="a"
        )
        await dispatcher.start()
        yield Set(played, slack, cards, dispatcher)
        await dispatcher.stop()
        assert played.kernel.calls.refused == []


async def test_a_card_from_its_first_to_its_last_word() -> None:
    async with built() as scene:
        progress = scene.begin()
        row = await scene.row(progress, lambda r: r.ts)
        (first,) = await scene.played.seen("ana")
        assert first["blocks"][0]["text"]["text"] == "Creating feat/1"
        scene.change(ended(ready(progress, 3, progress.started_at), progress.started_at))
        await scene.row(progress, lambda r: r.end_ts and r.shown == r.version)
        (last,) = await scene.played.seen("ana")
        assert (last["ts"], last["blocks"][0]["text"]["text"]) == (row.ts, "Ready: feat/1")
        replies = await scene.played.seen("ana", thread=row.ts)
        assert replies[-1]["text"].startswith(f"<@{ANA}> *feat/1* is ready")


@pytest.mark.parametrize("fault", ["drop-after", "drop-before", "500", "partial"])
async def test_a_post_that_goes_wrong_leaves_one_card(fault: str) -> None:
    async with built() as scene:
        scene.played.kernel.faults.add("slack", "POST /api/chat.postMessage", fault, 1)
        progress = scene.begin()
        await scene.row(progress, lambda r: r.ts)
        assert len(await scene.played.seen("ana")) == 1


async def test_a_429_is_heeded() -> None:
    async with built() as scene:
        scene.played.kernel.faults.add("slack", "POST /api/chat.postMessage", "429", 1)
        progress = scene.begin()
        await until(lambda: scene.dispatcher.budget()["chat.postMessage"].refused)
        assert not scene.cards.rows[progress.op].ts
        await scene.row(progress, lambda r: r.ts)
        calls = [c for c in scene.played.kernel.calls.select() if "postMessage" in c["path"]]
        assert [c["status"] for c in calls] == [429, 200]


async def test_where_qbot_is_no_member_the_card_is_in_the_dm() -> None:
    async with built() as scene:
        progress = scene.begin(RANDOM)
        row = await scene.row(progress, lambda r: r.ts)
        assert row.posted_channel.startswith("D")
        (card,) = await scene.played.seen("ana", "dm")
        assert card["ts"] == row.ts


@pytest.mark.parametrize("name", MESSAGES)
async def test_slack_takes_what_is_rendered(name: str) -> None:
    golden = (GOLDEN / f"{name}.json").read_text()
    async with (
        stage() as played,
        open_slack(played.slack.bot_token, f"{played.kernel.url}/slack/api/") as slack,
    ):
        if CHART in golden:
            png = b"\x89PNG\r\n\x1a\n"
            file = await slack.upload("chart.png", png, title="Chart", alt="A chart")
            golden = golden.replace(CHART, file)
            played.kernel.clock.advance(5)  # Slack does not show it at once
        shown = json.loads(golden)
        message = Message(shown["text"], tuple(shown["blocks"]), "")
        posted = await slack.post(GENERAL, message)
        await slack.update(posted, message)
        (seen,) = await played.seen("ana")
        assert len(seen["blocks"]) == len(message.blocks)


@pytest.mark.parametrize("name", HOMES)
async def test_slack_takes_each_app_home(name: str) -> None:
    shown = json.loads((GOLDEN / f"{name}.json").read_text())
    async with (
        stage() as played,
        open_slack(played.slack.bot_token, f"{played.kernel.url}/slack/api/") as slack,
    ):
        ana = next(u for u in played.slack.world.users.values() if u.name == "ana")
        await slack.publish_home(ana.id, shown)
        seen = (await played.look("home", **{"as": "ana"}))["view"]
        assert len(seen["blocks"]) == len(shown["blocks"])
