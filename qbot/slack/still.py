"""Whoever waits for an answer is told, once, that it is still to come.

An answer leaves that line half a second, then it is given up; and nobody keeps it for later: what
was not told in time is needless. Only one that Slack has taken, and shows late, or one of another
process may come behind the answer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import structlog

from qbot.domain.card_ports import CardLookup
from qbot.domain.operation import Operation
from qbot.domain.people import Place
from qbot.errors import QbotError
from qbot.gateways.slack import SlackGateway
from qbot.operations.caught import caught
from qbot.render.errors import still
from qbot.slack.names import Names
from qbot.slack.payload import HOME, Delivery
from qbot.slack.private import tell

log = structlog.get_logger()
AFTER = 3.0  # seconds behind the acknowledgement
CARD = 10.0  # seconds after which people wonder where a card is
_ON_ITS_WAY = 0.5  # seconds that an answer leaves to a line that is being told
_MOST = 1_000
T = TypeVar("T")


class Still:
    """One process's memory of who was told."""

    def __init__(
        self,
        slack: SlackGateway,
        cards: CardLookup,
        names: Names,
        *,
        after: float = AFTER,
        card: float = CARD,
    ) -> None:
        """Build.

        Args:
            slack: takes the lines.
            cards: where an operation's card is.
            names: what became an operation.
            after: seconds that an answer may take without a word.
            card: seconds that a card may take.
        """
        self._slack = slack
        self._cards = cards
        self._names = names
        self._after = after
        self._card = card
        self._told: deque[str] = deque(maxlen=_MOST)
        self._lines: dict[str, asyncio.Task[None]] = {}  # that are being told
        self._watched: set[asyncio.Task[Any]] = set()

    def first(self, place: Place, key: str) -> bool:
        """Whether nobody was told of it yet; from now on somebody is."""
        name = _name(place, key)
        if name in self._told:
            return False
        self._told.append(name)
        return True

    async def once(self, place: Place, key: str, said: Callable[[], Awaitable[object]]) -> None:
        """Tell a line of it, unless there was one or it was answered."""
        if not self.first(place, key):
            return
        line = self._begin(place, key, said())
        try:
            await asyncio.wait({line})
        finally:
            line.cancel()
            await asyncio.gather(line, return_exceptions=True)

    async def over(self, place: Place, key: str) -> None:
        """Before it is answered: no line of it comes behind that, and none is begun any more."""
        _ = self.first(place, key)
        if line := self._lines.get(_name(place, key)):
            await asyncio.wait({line}, timeout=_ON_ITS_WAY)
            line.cancel()

    async def meanwhile(self, delivery: Delivery, work: Awaitable[T]) -> T:
        """What the work returns; where that is long in coming, its asker is told so."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task}, timeout=self._after)
            if not task.done() and self._may_tell(delivery):
                await self._beside(task, delivery)
            return await task
        finally:
            task.cancel()

    def _may_tell(self, delivery: Delivery) -> bool:
        """Not where no answer comes, nor in a view: a late line would replace its answer."""
        in_view = delivery.view and delivery.view != HOME
        if in_view or not delivery.wanted.follows:
            return False
        return self.first(delivery.asked.place, delivery.asked.key)

    async def _beside(self, task: asyncio.Future[T], delivery: Delivery) -> None:
        asked = delivery.asked
        said = tell(self._slack, asked.actor, asked.place, still(delivery.wanted))
        line = self._begin(asked.place, asked.key, said)
        try:
            await asyncio.wait({task})
            await self.over(asked.place, asked.key)
        finally:
            line.cancel()
            await asyncio.gather(line, return_exceptions=True)

    def _begin(self, place: Place, key: str, said: Awaitable[object]) -> asyncio.Task[None]:
        name = _name(place, key)
        self._lines[name] = line = asyncio.create_task(_logged(said))
        line.add_done_callback(lambda _: self._lines.pop(name, None))
        return line

    def card(self, operation: Operation) -> None:
        """Tell who asked for it that its card follows, where Slack takes none for a while."""
        task = asyncio.create_task(_logged(self._without_card(operation)))
        self._watched.add(task)
        task.add_done_callback(self._watched.discard)

    async def _without_card(self, operation: Operation) -> None:
        place = operation.place
        if not place.response_url:  # the other ways are those that the card goes
            return
        await asyncio.sleep(self._card)
        row = await self._cards.card(operation.id)
        missing = row is not None and not row.ts and row.progress.end is None
        if missing:
            await self.once(place, operation.id, partial(self._card_follows, operation))

    async def _card_follows(self, operation: Operation) -> None:
        line = still(await self._names.of(operation), follows="its card follows")
        await self._slack.respond(operation.place.response_url, line)

    async def stop(self) -> None:
        """Watch no more."""
        watched = set(self._watched)
        for task in watched:
            task.cancel()
        await asyncio.gather(*watched, return_exceptions=True)


def _name(place: Place, key: str) -> str:
    """What was asked for is known by its response_url, which the operation has as well."""
    return place.response_url or key


async def _logged(line: Awaitable[object]) -> None:
    error = await caught(line)
    if isinstance(error, QbotError):
        log.info("a line was not told", error=str(error))
    elif isinstance(error, Exception):
        log.error("a line was not told", exc_info=error)
