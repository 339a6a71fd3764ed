"""Time: the machine's own, and for the sandbox one that can be moved forward from outside."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
import structlog

from qbot.errors import PermanentError
from qbot.gateways.trust import trusting

_log = structlog.get_logger()
_PATIENCE = 5.0  # seconds for an answer: it may come only when there is something new


class SystemClock:
    """The port `Clock` on the machine's clocks."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class FollowedClock:
    """The machine's clock plus an offset that the sandbox tells, between `start` and `close`.

    `GET url?known=SECONDS` answers `{"offset": SECONDS}`, and may keep the question open until that
    is another one. While nobody answers, the last offset counts.
    """

    def __init__(self, url: str, *, every: float = 0.25) -> None:
        """Follow the clock at `url`, asking again `every` seconds after an answer without news.

        Raises:
            PermanentError: `url` is not on this machine; who moves time can wake every deadline.
        """
        if not _is_loopback(url):
            raise PermanentError("QBOT_CLOCK_URL must be a loopback address: it moves time.")
        self._url = url
        self._every = every
        self._known = 0.0
        self._offset = timedelta()
        self._leaps = 0.0  # only the moves forward: the monotonic clock makes no other
        self._moved = asyncio.Event()
        self._http = httpx.AsyncClient(verify=trusting(), timeout=_PATIENCE, trust_env=False)
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Ask once, then keep following in the background."""
        await self._ask()
        self._following = asyncio.create_task(self._follow(), name="followed clock")

    async def close(self) -> None:
        """Stop following; the clock goes on from where it is."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        await self._http.aclose()

    def now(self) -> datetime:
        """The present moment of the sandbox, aware, in UTC."""
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        """Seconds that never go back, also where the sandbox starts anew."""
        return time.monotonic() + self._leaps

    async def sleep(self, seconds: float) -> None:
        """Wait; wakes as soon as the clock has been moved past the end."""
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            moved = self._moved
            with contextlib.suppress(TimeoutError):
                # Not wait_for: until Python 3.12 a cancellation as time is moved would be lost.
                async with asyncio.timeout(left):
                    await moved.wait()

    async def _follow(self) -> None:
        while True:
            if not await self._ask(known=repr(self._known)):
                await asyncio.sleep(self._every)

    async def _ask(self, **query: str) -> bool:
        """Whether there was news."""
        try:
            reply = await self._http.get(self._url, params=query)
            told = float(reply.raise_for_status().json()["offset"])
            offset = timedelta(seconds=told)
        except (httpx.HTTPError, ArithmeticError, ValueError, TypeError, LookupError) as error:
            _log.warning("clock not heard", error=type(error).__name__)
            return False
        if told == self._known:
            return False
        self._known = told
        self._move(offset)
        return True

    def _move(self, offset: timedelta) -> None:
        self._leaps += max(0.0, (offset - self._offset).total_seconds())
        self._offset = offset
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
