"""The dispatcher on a clock that jumps, with cards in memory and a Slack that counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from qbot.cards.dispatcher import Dispatcher
from qbot.domain.operation import CardRow
from qbot.domain.progress import Progress
from qbot.render.style import Style
from tests.cards.fakes import CountingSlack, MemoryCards, Places, ended, progress_of, ready
from tests.cards.virtual import VirtualClock, run

STYLE = Style(argocd_url="https://argocd.example.com", hosts=frozenset({"argocd.example.com"}))


@dataclass
class World:
    clock: VirtualClock = field(default_factory=VirtualClock)

    def __post_init__(self) -> None:
        self.cards = MemoryCards(self.clock)
        self.slack = CountingSlack(self.clock)

    def dispatcher(self, worker: str = "a") -> Dispatcher:
        return Dispatcher(
            cards=self.cards,
            store=Places(self.cards),
            slack=self.slack,
            clock=self.clock,
            style=STYLE,
            worker=worker,
        )

    def begin(self, number: int = 1, channel: str = "C1") -> Progress:
        progress = progress_of(number, self.clock.now())
        self.cards.begin(progress, channel)
        return progress

    def row(self, progress: Progress) -> CardRow:
        return self.cards.rows[progress.op]

    def text(self, progress: Progress) -> str:
        sent = self.slack.marked(progress.op, "card")
        assert len(sent) == 1
        return sent[0].message.text


@asynccontextmanager
async def running(world: World, worker: str = "a") -> AsyncIterator[Dispatcher]:
    dispatcher = world.dispatcher(worker)
    await dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop()


def crash(dispatcher: Dispatcher) -> None:
    """What SIGKILL leaves: nothing under way is written down."""
    for task in (dispatcher._loop, *dispatcher._sending.values()):
        assert task
        task.cancel()


def test_a_card_is_posted_edited_and_its_end_told_in_the_thread() -> None:
    async def story() -> None:
        world = World()
        async with running(world) as dispatcher:
            progress = world.begin()
            dispatcher.wake()
            await asyncio.sleep(1)
            assert "Creating feat/1" in world.text(progress)
            world.cards.change(ready(progress, 4, world.clock.now()))
            dispatcher.wake()
            await asyncio.sleep(5)
            assert "4 of 11 ready" in world.text(progress)
            world.cards.change(ended(progress, world.clock.now()))
            dispatcher.wake()
            await asyncio.sleep(2)
            assert "Ready: feat/1" in world.text(progress)
        (reply,) = world.slack.marked(progress.op, "end")
        assert reply.thread_ts == world.row(progress).ts
        assert reply.message.text.startswith("<@U0ANA> *feat/1* is ready")
        assert not await world.cards.behind()

    run(story())
