"""How often a method may be asked that its vendor grants a few times a minute only."""

from qbot.domain.ports import Clock
from qbot.errors import TransientError

_MINUTE = 60.0


class Pace:
    """At most so many calls in any minute, and no more than `burst` of them at once.

    It counts what this process sends. Several replicas share one grant without knowing of each
    other; the vendor tells them apart from that by its refusals, which close the method.
    """

    def __init__(self, why: str, clock: Clock, *, per_minute: int, burst: int) -> None:
        """Build.

        Args:
            why: what people are told while the method is closed.
            clock: for the turns.
            per_minute: more than `burst`.
            burst: calls at once after a rest.
        """
        self._why = why
        self._clock = clock
        self._gap = _MINUTE / (per_minute - burst)  # a rest's burst and the minute after it
        self._slack = (burst - 1) * self._gap
        self._next = 0.0  # when the calls so far are paid for
        self._closed_until = 0.0

    async def turn(self) -> None:
        """Wait until a call may be sent, and spend it.

        Raises:
            TransientError: the vendor has closed the method; says for how long.
        """
        while (wait := self._next - self._slack - self._clock.monotonic()) > 0:
            if (shut := self._closed_until - self._clock.monotonic()) > 0:
                raise TransientError(self._why, retry_after=shut)
            await self._clock.sleep(wait)
        self._next = max(self._next, self._clock.monotonic()) + self._gap

    def close(self, seconds: float) -> None:
        """The vendor wants to be left alone for so long; one call comes first then, not a burst."""
        self._closed_until = max(self._closed_until, self._clock.monotonic() + seconds)
        self._next = max(self._next, self._closed_until + self._slack)
