"""What Slack did not take is told once it takes it: an answer to its asker, news to a channel.

It is written down meanwhile, beside what was acknowledged and not done: whoever lives tells it.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog

from qbot.domain.outages import WhetherAway, never
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.domain.unfinished import Came, UnfinishedRows
from qbot.errors import QbotError, TransientError
from qbot.gateways.slack import Mark, SlackGateway
from qbot.operations.caught import caught
from qbot.render.blocks import Message, digest_of
from qbot.render.wanted import Wanted, belated, old_news
from qbot.slack.private import once

log = structlog.get_logger()
WAY = "untold"
"""By which it is known among what is unfinished."""
ANSWERS = timedelta(hours=1)
"""After which nobody waits for an answer any more."""
_NEWS = timedelta(days=1)
_PAUSE = 5.0  # seconds between two tries
_WRITING = 0.7  # seconds: a database that hangs is not waited for


@dataclass(frozen=True, slots=True)
class _Letter:
    """For a channel, or for a person by the id; where Slack takes none there, for `instead`."""

    to: str
    instead: str
    text: str
    blocks: str  # JSON
    at: float  # Unix seconds
    until: float

    @property
    def message(self) -> Message:
        blocks = tuple(json.loads(self.blocks))
        return Message(self.text, blocks, digest_of(self.text, blocks))


class Untold:
    """One process's share of it."""

    def __init__(
        self,
        rows: UnfinishedRows,
        slack: SlackGateway,
        clock: Clock,
        *,
        worker: str,
        away: WhetherAway = never,
    ) -> None:
        """Build.

        Args:
            rows: where it is written down.
            slack: takes it, or not.
            clock: of when it was to be told.
            worker: under whose lease this process works.
            away: whether Slack is known not to answer: nothing is tried then.
        """
        self._rows = rows
        self._slack = slack
        self._clock = clock
        self._worker = worker
        self._away = away
        self._left: dict[str, _Letter] = {}
        self._not_before = clock.now()  # Slack asks to be left alone until then

    async def answer(self, asked: str, asker: Actor, wanted: Wanted, message: Message) -> None:
        """Keep it for the asker's DM, where it waits for them, for an hour.

        `asked` is the key of what is answered, or its operation.
        One that Slack took and did not say so is there twice: better than not at all.
        """
        now = self._clock.now()
        told = belated(wanted, message, now)
        key = f"{WAY}:{asked}:{message.digest}"
        self._left[key] = letter = _letter(told, now, ANSWERS, asker.user)
        await self._write(key, letter)

    @asynccontextmanager
    async def kept(
        self, key: str, channel: str, message: Message, *, instead: str
    ) -> AsyncIterator[None]:
        """Around telling it in another way: whoever ends while Slack hangs leaves it as news.

        So does an error; `news` with the same `key` may go on with it.
        """
        mine = _news(key, channel)
        await self._write(mine, self._later(message, channel, instead))
        yield
        await self._over(mine)

    async def news(self, key: str, channel: str, message: Message, *, instead: str = "") -> None:
        """Tell a channel now, or keep it for a day; `instead`: whom, where Qbot may not post."""
        mine = _news(key, channel)
        letter = _letter(message, self._clock.now(), _NEWS, channel, instead)
        later = self._later(message, channel, instead)
        await self._write(mine, later)  # whoever dies while Slack hangs leaves it
        if await self._told(mine, letter, first=True):
            await self._over(mine)
        else:
            self._left[mine] = later

    def _later(self, message: Message, channel: str, instead: str) -> _Letter:
        now = self._clock.now()
        return _letter(old_news(message, now), now, _NEWS, channel, instead)

    def take(self, came: Came) -> None:
        """What another process has left."""
        try:
            self._left[came.key] = _Letter(**json.loads(came.body))
        except (TypeError, ValueError):  # of another version
            log.exception("what was not told cannot be read", key=came.key)

    async def go_on(self) -> None:
        """Every few seconds, try. Ends when cancelled."""
        while True:
            await self._clock.sleep(_PAUSE)
            error = await caught(self.tell())
            if isinstance(error, Exception):
                log.error("what was not told cannot be told", exc_info=error)

    async def tell(self) -> None:
        """Once what is left, the oldest first, as long as Slack is not away and sets no limit."""
        for key, letter in sorted(self._left.items(), key=lambda left: left[1].at):
            if self._away() is not None or self._clock.now() < self._not_before:
                return
            if self._clock.now().timestamp() > letter.until:
                log.warning("never told: Slack was away for too long", key=key)
            elif not await self._told(key, letter):
                continue  # what Slack does not take of one says nothing of the next
            await self._over(key)

    async def _told(self, key: str, letter: _Letter, *, first: bool = False) -> bool:
        """False: it may not be there, and another time may bring it."""
        mark = Mark(hashlib.sha256(key.encode()).hexdigest()[:20], WAY)
        for where in filter(None, (letter.to, letter.instead)):
            try:
                if first:
                    await self._slack.post(where, letter.message, mark=mark)
                else:
                    await once(self._slack, where, letter.message, mark, since=letter.at)
            except TransientError as error:
                log.warning("not told yet", to=where, error=str(error))
                wait = timedelta(seconds=error.retry_after or 0)
                self._not_before = max(self._not_before, self._clock.now() + wait)
                return False
            except QbotError as error:
                log.warning("a place cannot be told", to=where, error=str(error))
            else:
                return True
        return True

    async def _write(self, key: str, letter: _Letter) -> None:
        came = Came(key, WAY, json.dumps(asdict(letter)), self._clock.now())
        try:
            async with asyncio.timeout(_WRITING):
                await self._rows.keep(came, self._worker)
        except (QbotError, TimeoutError) as error:
            log.warning("only this process knows what was not told", error=str(error))

    async def _over(self, key: str) -> None:
        """Where that cannot be noted, whoever comes upon it sees in Slack that it was told."""
        self._left.pop(key, None)
        try:
            await self._rows.done(key)
        except QbotError as error:
            log.warning("what was told is still written down", error=str(error))


def _news(key: str, channel: str) -> str:
    return f"{WAY}:{key}:{channel}"


def _letter(
    message: Message, at: datetime, lasts: timedelta, to: str, instead: str = ""
) -> _Letter:
    until = (at + lasts).timestamp()
    return _Letter(to, instead, message.text, _blocks(message), at.timestamp(), until)


def _blocks(message: Message) -> str:
    return json.dumps(list(message.blocks))
