"""A dispatcher with everything around it, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from qbot.cards.dispatcher import Dispatcher
from qbot.cards.ports import Meter
from qbot.domain.operation import CardRow
from qbot.domain.progress import Progress
from qbot.render.style import Style
from tests.cards.fakes import CountingSlack, MemoryCards, Places, ended, progress_of
from tests.cards.virtual import VirtualClock

STYLE = Style(argocd_url="https://argocd.example.com", hosts=frozenset({"argocd.example.com"}))


@dataclass
class World:
    clock: VirtualClock = field(default_factory=VirtualClock)
    changed: Callable[[], None] = lambda: None  # what an operation calls after it wrote

    def __post_init__(self) -> None:
        self.cards = MemoryCards(self.clock)
        self.slack = CountingSlack(self.clock)

    def dispatcher(self, worker: str = "a", meter: Meter | None = None) -> Dispatcher:
        return Dispatcher(
            cards=self.cards,
            store=Places(self.cards),
            slack=self.slack,
            clock=self.clock,
            style=STYLE,
            worker=worker,
            meter=meter,
        )

    def begin(self, number: int = 1, channel: str = "C1") -> Progress:
        progress = progress_of(number, self.clock.now())
        self.cards.begin(progress, channel)
        return progress

    def row(self, progress: Progress) -> CardRow:
        return self.cards.rows[progress.op]

    def text(self, progress: Progress) -> str:
        (sent,) = self.slack.marked(progress.op, "card")
        return sent.message.text


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


def once(method: str, error: Exception) -> Callable[[str, str], Exception | None]:
    """Fails the first call of a method."""
    left = [error]

    def fail(called: str, _channel: str) -> Exception | None:
        return left.pop() if called == method and left else None

    return fail


async def finished(world: World, progress: Progress) -> None:
    """The end has been shown and told, each once."""
    world.cards.change(ended(progress, world.clock.now()))
    await asyncio.sleep(120)
    assert f"Ready: {progress.branch}" in world.text(progress)
    (reply,) = world.slack.marked(progress.op, "end")
    assert reply.thread_ts == world.row(progress).ts
    assert not await world.cards.behind()
