"""Moments that an outage puts off by as long as it lasts: who waits for it has no less time."""

from datetime import datetime, timedelta

from qbot.domain.outages import Span, Spans
from qbot.domain.ports import Clock
from qbot.errors import AwayError, TransientError
from qbot.operations.retry import within_time

LEAST = timedelta(minutes=2)  # that is left after an outage, whatever was used up before
MOST = 3 * LEAST  # of that, to one run: a neighbour that comes and goes puts nothing off for ever
KNOWN = 120.0
"""Seconds for a call where the deadline leaves none: an outage of a neighbour that hangs is known
as one by then (three calls of thirty), and sat out."""
_SOON = 30.0  # seconds between two tries where a neighbour asks for more than there is time
_ONCE_MORE = 1.0  # seconds until the try after one that has itself used up the time


class Deadline:
    """Belongs to one run; a run after it begins with what is recorded, and sits out the rest.

    Args:
        at: as it is recorded.
        clock: what time it is.
        spans: the outages of whom the work depends on.
    """

    def __init__(self, at: datetime, clock: Clock, spans: Spans) -> None:
        self._at = at
        self._clock = clock
        self._spans = spans
        self._counted = clock.now()  # outages until then are in `_at`
        self._spare = MOST

    @property
    def is_over(self) -> bool:
        """Not while somebody is away, nor right after, unless that is so again and again."""
        return self._looked() <= self._clock.now()

    @property
    def left(self) -> float:
        """Seconds, not below zero."""
        return max((self._looked() - self._clock.now()).total_seconds(), 0.0)

    def leave(self, least: timedelta) -> None:
        """Let there be so much left, whatever was used up before."""
        self._at = max(self._looked(), self._clock.now() + least)

    def waited(self, since: datetime) -> None:
        """An answer was long in coming, from then on: a little is left, as after an outage."""
        self._looked()
        self._grant(Span(since, self._clock.now()))

    def _looked(self) -> datetime:
        """One may have come and gone since the last look."""
        now = self._clock.now()
        for span in self._spans(now):
            if span.end >= self._counted:  # what ended before is nothing to this run
                self._at += span.end - max(span.begin, self._counted)
                self._grant(span)
                self._counted = span.end
        return self._at

    def _grant(self, span: Span) -> None:
        """As much as it lasted is left after it, as far as there is any to give."""
        at = max(self._at, span.end)
        least = span.end + min(LEAST, span.end - span.begin)
        given = min(max(least - at, timedelta()), self._spare)
        self._at = at + given
        self._spare -= given


class Allowance:
    """The seconds that one call has, all its tries and the pauses between them included.

    Args:
        seconds: None: it is never given up.
        clock: what time it is.
        sits_out: whether the time for which a neighbour is known to be away counts not.
    """

    def __init__(self, seconds: float | None, clock: Clock, *, sits_out: bool) -> None:
        self._clock = clock
        self._sits_out = sits_out
        self._began = clock.monotonic()  # the latest try
        self._until = None if seconds is None else self._began + seconds
        self._spare = MOST.total_seconds()

    def begins(self) -> None:
        """A try does."""
        self._began = self._clock.monotonic()

    def wait(self, delay: float, error: TransientError) -> float | None:
        """Seconds until the next try, `delay` at most; None: there is none."""
        if self._until is None:
            return delay
        now = self._clock.monotonic()
        if self._sits_out and isinstance(error, AwayError):
            self._until = self._put_off(self._until, now, error) + delay
        left = self._until - now
        if self._sits_out and left <= 0 and self._began < self._until:
            # It hung until then: whether that is an outage may have come out meanwhile.
            left = _ONCE_MORE
        if self._sits_out and left > 0:
            # As long as it asks for, as that may be what it limits people by; but kept beyond the
            # time, it would fail what an answer, or an outage that is known, may save any moment.
            kept = delay if (error.retry_after or 0.0) < left else _SOON
            return min(kept, left)
        return within_time(delay, left, error)

    def _put_off(self, until: float, now: float, error: AwayError) -> float:
        """What hung until the outage was known has used up some: a little is left, as above."""
        lasted = min(LEAST, self._clock.now() - error.since).total_seconds()
        until = max(until, now)
        given = min(max(now + lasted - until, 0.0), self._spare)
        self._spare -= given
        return until + given
