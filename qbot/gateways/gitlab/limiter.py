"""How many requests run at once, and the pause that one refused request imposes on all."""

import asyncio
from typing import Self

import structlog

from qbot.domain.ports import Clock
from qbot.gateways.gitlab.errors import RateLimitedError

_UNTOLD = 1.0  # seconds, where GitLab limits without saying for how long
_PATIENCE = 10.0  # seconds; a longer pause is the operation's to wait out, and the card's to tell

_log = structlog.get_logger()


class Limiter:
    """An async context around each request: at most `concurrency`, none during a pause."""

    def __init__(self, clock: Clock, concurrency: int) -> None:
        self._clock = clock
        self._turns = asyncio.Semaphore(concurrency)
        self._until = 0.0  # on the monotonic clock

    def pause(self, seconds: float | None) -> None:
        """Send nothing more for so long; pauses do not shorten each other."""
        until = self._clock.monotonic() + (_UNTOLD if seconds is None else seconds)
        if until > self._until:
            self._until = until
            _log.warning("gitlab limits requests", pause=round(until - self._clock.monotonic(), 1))

    async def __aenter__(self) -> Self:
        """Wait for a turn.

        Raises:
            RateLimitedError: the pause is longer than a call should wait; see `retry_after`.
        """
        await self._turns.acquire()
        try:
            await self._pass()
        except BaseException:
            self._turns.release()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._turns.release()

    async def _pass(self) -> None:
        while (left := self._until - self._clock.monotonic()) > 0:
            if left > _PATIENCE:
                raise RateLimitedError("GitLab limits Qbot's requests.", retry_after=left)
            await self._clock.sleep(left)
