"""What takes longer than Slack waits is written down before it is acknowledged, until it is done.

A process that dies in between would lose an approval that its giver believes to be given: whoever
lives goes on with it.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

import structlog

from qbot.domain.ports import Clock
from qbot.domain.unfinished import Came, UnfinishedRows
from qbot.errors import QbotError
from qbot.operations.caught import caught
from qbot.slack.payload import Body
from qbot.slack.untold import WAY

log = structlog.get_logger()
_WRITING = 0.7  # seconds of Slack's three: a database that hangs is not waited for any longer
_TURN = 3.0  # seconds that one of what was left has before the next one begins
_NEEDLESS = ("token", "message")  # Slack's old shared secret; and what is long, and read by nobody
LATE = timedelta(hours=1)
"""After which nobody expects any more that what they asked for comes about."""


class Way(StrEnum):
    """Which of Slack's payloads something came by."""

    COMMAND = "command"
    ACTION = "action"
    VIEW = "view"


class Again(Protocol):
    """Does what came; told when it is too `late` for that."""

    async def __call__(self, came: Came, *, late: bool) -> None:
        """Once for each, and again where that is not sure."""


class Unfinished:
    """One process's share of it."""

    def __init__(self, rows: UnfinishedRows, clock: Clock, *, worker: str, every: float) -> None:
        """Build.

        Args:
            rows: where it is written down.
            clock: of when it came.
            worker: under whose lease this process works.
            every: seconds between two looks for what the dead have left.
        """
        self._rows = rows
        self._clock = clock
        self._worker = worker
        self._every = every
        self._over: set[str] = set()  # done, which could not be noted yet
        self._kept: Counter[str] = Counter()  # deliveries of each key that are not over
        self._mine: set[str] = set()  # keys that this process wrote down first, or may have

    async def keep(self, key: str, way: Way, body: Body) -> bool:
        """Whether it is written down, so that Slack may be told that it has arrived."""
        kept = {name: value for name, value in body.items() if name not in _NEEDLESS}
        came = Came(key, way, json.dumps(kept), self._clock.now())
        self._kept[key] += 1
        try:
            async with asyncio.timeout(_WRITING):
                if await self._rows.keep(came, self._worker):
                    self._mine.add(key)
        except (QbotError, TimeoutError) as error:
            if isinstance(error, TimeoutError):  # it may be written down all the same
                self._mine.add(key)
            log.warning("not acknowledged: it cannot be written down", error=str(error))
            return False
        except asyncio.CancelledError:  # nobody will say that it is over
            self._ended(key)
            raise
        return True

    async def over(self, key: str, *, repeated: bool) -> None:
        """One delivery that was to be kept is; `repeated`: another one of it does the work.

        That one notes the end itself, unless it had done so before this one was written down.
        """
        mine = key in self._mine
        alone = self._ended(key)
        if not repeated or (mine and alone):
            await self.done(key)

    def _ended(self, key: str) -> bool:
        """Whether no other delivery of it is under way."""
        self._kept[key] -= 1
        if self._kept[key] > 0:
            return False
        del self._kept[key]
        self._mine.discard(key)
        return True

    async def done(self, key: str) -> None:
        """It has had its effect and its answer; where that cannot be noted now it is later."""
        self._over.add(key)
        try:
            for over in sorted(self._over):
                await self._rows.done(over)
                self._over.discard(over)
        except QbotError as error:
            log.warning("what is done is still written down", error=str(error))

    async def go_on(self, again: Again, untold: Callable[[Came], None]) -> None:
        """Now, and from time to time: do what dead processes have left. Ends when cancelled.

        What they had done and could not tell goes to `untold`, and stays written down.
        """
        while True:
            left = await caught(self._rows.left(self._worker))
            if isinstance(left, Exception):
                log.warning("what was left cannot be read", error=str(left))
                left = ()
            for came in left:
                if came.way == WAY:
                    untold(came)
            await self._in_turn([came for came in left if came.way != WAY], again)
            for key in list(self._over):
                await self.done(key)
            await self._clock.sleep(self._every)

    async def _in_turn(self, left: Sequence[Came], again: Again) -> None:
        """As they came: a later word counts more. One that takes long keeps nobody waiting long."""
        async with asyncio.TaskGroup() as group:
            for came in left:
                replayed = group.create_task(self._again(came, again))
                turn = group.create_task(self._clock.sleep(_TURN))
                await asyncio.wait({replayed, turn}, return_when=asyncio.FIRST_COMPLETED)
                turn.cancel()

    async def _again(self, came: Came, again: Again) -> None:
        late = self._clock.now() - came.at > LATE
        log.info("going on with what another process has left", key=came.key, late=late)
        error = await caught(again(came, late=late))
        if isinstance(error, Exception):
            log.error("what was left cannot be done", key=came.key, exc_info=error)
        await self.done(came.key)
