"""Moments that an outage puts off by as long as it lasts: who waits for it has no less time."""

from datetime import datetime, timedelta

from qbot.domain.outages import Span, Spans
from qbot.domain.ports import Clock

LEAST = timedelta(minutes=2)  # that is left after an outage, whatever was used up before
MOST = 3 * LEAST  # of that, to one run: a neighbour that comes and goes puts nothing off for ever
KNOWN = 120.0
"""Seconds for a call where the deadline leaves none: an outage of a neighbour that hangs is known
as one by then (three calls of thirty), and sat out."""


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
