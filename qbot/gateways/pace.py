"""How often a method may be asked that its vendor grants a few times a minute only."""

import asyncio

from qbot.domain.ports import Clock
from qbot.errors import TransientError

_MINUTE = 60.0


class Pace:
    """At most so many calls in any minute, and no more than `burst` of them at once.

    `reserve` more are for what is urgent: it need not wait because of what is not.

    It counts what this process sends. Several replicas share one grant without knowing of each
    other; the vendor tells them apart from that by its refusals, which close the method.
    """

    def __init__(
        self, why: str, clock: Clock, *, per_minute: int, burst: int, reserve: int
    ) -> None:
        """Build.

        Args:
            why: what people are told while the method is closed.
            clock: for the turns.
            per_minute: more than `burst` and `reserve`.
            burst: calls at once after a rest.
            reserve: as many more, if they are urgent.
        """
        self._why = why
        self._clock = clock
        # a rest's burst, the reserve, and the minute after them
        self._gap = _MINUTE / (per_minute - burst - reserve)
        self._slack = (burst - 1) * self._gap
        self._reserve = reserve * self._gap
        self._next = 0.0  # when the calls so far are paid for
        self._closed_until = 0.0

    async def turn(self, urgent: asyncio.Event) -> None:
        """Wait until a call may be sent, and spend it; `urgent` may be set while it waits.

        Raises:
            TransientError: the vendor has closed the method; says for how long.
        """
        while (wait := self._wait(urgent=urgent.is_set())) > 0:
            if (shut := self._closed_until - self._clock.monotonic()) > 0:
                raise TransientError(self._why, retry_after=shut)
            if urgent.is_set():
                await self._clock.sleep(wait)
            else:
                await self._rest(wait, urgent)
        self._next = max(self._next, self._clock.monotonic()) + self._gap

    def _wait(self, *, urgent: bool) -> float:
        """Seconds until the next call."""
        now = self._clock.monotonic()
        ahead = self._slack + (self._reserve if urgent else 0.0)
        return max(self._next - ahead, self._closed_until) - now

    async def _rest(self, seconds: float, urgent: asyncio.Event) -> None:
        """For so long, or until it is urgent."""
        ways = [asyncio.ensure_future(way) for way in (self._clock.sleep(seconds), urgent.wait())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    def close(self, seconds: float) -> None:
        """The vendor wants to be left alone for so long; one call comes first then, not a burst."""
        self._closed_until = max(self._closed_until, self._clock.monotonic() + seconds)
        self._next = max(self._next, self._closed_until + self._slack)
