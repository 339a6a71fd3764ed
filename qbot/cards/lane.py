"""The limiter of one Slack method.

Slack counts per method, workspace and app, in windows of a minute, and publishes a floor, not the
burst that it tolerates (docs.slack.dev/apis/web-api/rate-limits). So: tokens that spread the
calls, and a window that is never exceeded. A call counts from its sending until a minute after
its answer, because only then is it sure which of Slack's windows it fell into.
"""

from collections import deque
from dataclasses import dataclass, field

from qbot.cards.rank import Rank

_MINUTE = 60.0
_WINDOW = 60.1  # a little more: clocks round
LEAST_RESERVE, MOST_RESERVE = 0.2, 0.6  # of the window, for urgent ranks alone
_FLOOR = 0.1  # of the limit, below which a 429 does not push
_ROUNDING = 1e-9  # of a token
_RECOVERY = 300.0  # seconds from nothing back to the full rate


@dataclass(frozen=True, slots=True)
class Limit:
    """`per_minute` calls in any minute, at most `burst` of them at once."""

    per_minute: float
    burst: int = 5


@dataclass(slots=True, eq=False)
class Ticket:
    """The right to one call; `done` is when it was answered."""

    done: float | None = None


@dataclass(slots=True)
class Lane:
    """One method's tokens and window. Times are monotonic seconds, passed in."""

    limit: Limit
    tokens: float = 1.0  # a start is not a reason for a burst
    rate: float = field(default=0.0)
    reserve: float = LEAST_RESERVE
    refused: int = 0  # 429 answers ever
    _at: float | None = None
    _closed_until: float = 0.0
    _calls: deque[Ticket] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.rate = self.limit.per_minute

    def wait(self, rank: Rank, now: float) -> float:
        """Seconds until a call of this rank may be sent; 0 = now."""
        self._advance(now)
        return max(
            self._closed_until - now,
            self._until_token(1.0 if rank.urgent else 2.0),
            self._until_room(rank, now),
            0.0,
        )

    def take(self, now: float) -> Ticket:
        """Spend; only right after `wait` answered 0."""
        self._advance(now)
        self.tokens -= 1.0
        ticket = Ticket()
        self._calls.append(ticket)
        return ticket

    def close(self, seconds: float, now: float) -> None:
        """Slack answered 429: nothing for so long, then half as much, then slowly more."""
        self._advance(now)
        self.refused += 1
        self.rate = max(self.rate / 2, self.limit.per_minute * _FLOOR)
        self.tokens = 0.0
        self._closed_until = max(self._closed_until, now + seconds)

    def expect(self, urgent: float) -> None:
        """Hold back what so many urgent calls in the coming minute will need."""
        share = urgent / self.limit.per_minute
        self.reserve = min(max(share, LEAST_RESERVE), MOST_RESERVE)

    def used(self, now: float) -> int:
        """Calls that may count in Slack's present window."""
        self._advance(now)
        return len(self._calls)

    def _advance(self, now: float) -> None:
        if now == self._at:  # asked again at the same moment, as for each job of a round
            return
        earlier = now if self._at is None else self._at
        self._at = now
        open_for = max(now - max(earlier, self._closed_until), 0.0)
        full = self.limit.per_minute
        self.rate = min(full, self.rate + open_for * full / _RECOVERY)
        self.tokens = min(float(self.limit.burst), self.tokens + open_for * self.rate / _MINUTE)
        self._calls = deque(c for c in self._calls if c.done is None or c.done + _WINDOW > now)

    def _until_token(self, needed: float) -> float:
        missing = needed - self.tokens
        return missing * _MINUTE / self.rate if missing > _ROUNDING else 0.0

    def _until_room(self, rank: Rank, now: float) -> float:
        most = max(int(self.rate), 1)
        if len(self._calls) < most * (1.0 if rank.urgent else 1.0 - self.reserve):
            return 0.0
        ends = [c.done + _WINDOW for c in self._calls if c.done is not None]
        return max(min(ends) - now, 0.01) if ends else 0.05
