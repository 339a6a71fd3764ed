"""What is written beside cards: found in rounds, and brought one after another, by one task.

The replica that writes cards does that as well, out of the same budget.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import structlog

from qbot.cards.rank import Rank
from qbot.domain.ports import Clock
from qbot.errors import PermanentError, TransientError
from qbot.gateways.slack import AccessError

T = TypeVar("T")
log = structlog.get_logger()
_FOLLOW = 1.0  # seconds between two looks of a replica that does not write
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds for which what failed is left alone


class Budget(Protocol):
    """The part of the dispatcher that is needed here."""

    @property
    def leads(self) -> bool:
        """Whether this replica is the one that writes to Slack."""

    async def beside(
        self, method: str, rank: Rank, call: Callable[[], Awaitable[None]], *, channel: str = ""
    ) -> float:
        """Make one call; 0, or the seconds until it may be made."""


@dataclass(frozen=True, slots=True)
class _Held:
    until: float  # monotonic
    pause: float


@dataclass(kw_only=True)
class Rounds:
    """One loop.

    Args:
        what: it writes, for the log.
        look: one round; the seconds until there may be more to do.
        poll: seconds; what nothing wakes it for is found so late.
        gather: seconds in which changes are collected before a round.
    """

    what: str
    look: Callable[[], Awaitable[float]]
    budget: Budget
    clock: Clock
    poll: float
    gather: float
    _event: asyncio.Event = field(default_factory=asyncio.Event)
    _held: dict[str, _Held] = field(default_factory=dict)
    _loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.create_task(self._run(), name=self.what)

    async def stop(self) -> None:
        """Nothing after this."""
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    def wake(self) -> None:
        """Something changed; safe to call as often as one likes."""
        self._event.set()

    def may(self, key: str) -> bool:
        """Whether it did not just fail."""
        return key not in self._held or self._held[key].until <= self.clock.monotonic()

    async def each(
        self,
        things: Iterable[T],
        key: Callable[[T], str],
        bring: Callable[[T], Awaitable[float]],
        refused: Callable[[T, PermanentError], Awaitable[None]],
        *,
        alike: bool = True,
    ) -> float:
        """One after the other; one that fails keeps none of the others waiting.

        Args:
            things: what is due, the most urgent first.
            key: tells them apart.
            bring: 0; else the seconds until the budget allows it.
            refused: what becomes of one that Slack will never take.
            alike: where one has to wait for the budget those behind it have to as well.

        Returns:
            Seconds until the budget allows more.
        """
        soonest = self.poll
        for thing in things:
            if wait := await self._tried(thing, key(thing), bring, refused):
                soonest = min(soonest, wait)
                if alike:
                    break
        return soonest

    async def _tried(
        self,
        thing: T,
        key: str,
        bring: Callable[[T], Awaitable[float]],
        refused: Callable[[T, PermanentError], Awaitable[None]],
    ) -> float:
        if not self.may(key):
            return 0.0
        try:
            wait = await bring(thing)
        except AccessError:
            self._hold(key, self.poll)  # mostly about Qbot as a whole: told where cards are
        except TransientError as error:
            log.info("something beside cards waits", what=self.what, key=key, reason=str(error))
            self._hold(key, error.retry_after)
        except PermanentError as error:
            self._held.pop(key, None)
            await refused(thing, error)
        except Exception:  # a bug with one must not keep the others
            log.exception("something beside cards failed", what=self.what, key=key)
            self._hold(key)
        else:
            if wait:
                return wait
            self._held.pop(key, None)
        return 0.0

    def _hold(self, key: str, seconds: float | None = None) -> None:
        """Each time for longer, where nobody says for how long."""
        before = self._held.get(key)
        pause = min(before.pause * 2, _LONGEST_PAUSE) if before else _FIRST_PAUSE
        self._held[key] = _Held(self.clock.monotonic() + (seconds or pause), pause)

    async def _run(self) -> None:
        while True:
            wait = self.poll
            try:
                wait = await self.look() if self.budget.leads else _FOLLOW
            except TransientError as error:
                log.info("writing beside cards waits", what=self.what, reason=str(error))
            except Exception:  # the loop outlives any bug in one round
                log.exception("a round beside cards failed", what=self.what)
            await self._rest(min(wait, self._held_for()))

    def _held_for(self) -> float:
        """Until the next one may be tried again; what went away meanwhile is forgotten."""
        now = self.clock.monotonic()
        self._held = {k: h for k, h in self._held.items() if h.until + _LONGEST_PAUSE > now}
        return min((h.until - now for h in self._held.values() if h.until > now), default=self.poll)

    async def _rest(self, seconds: float) -> None:
        """For so long, less if something changes; then a moment for more changes."""
        tick = asyncio.create_task(self.clock.sleep(max(seconds, self.gather)))
        event = asyncio.create_task(self._event.wait())
        try:
            await asyncio.wait({tick, event}, return_when=asyncio.FIRST_COMPLETED)
            if not tick.done():
                await self.clock.sleep(self.gather)
        finally:
            tick.cancel()
            event.cancel()
            await asyncio.gather(tick, event, return_exceptions=True)
        self._event.clear()
