"""All that may be sent to Slack: one lane per method, one post a second per channel.

There is one dispatcher at a time, so its budget is the workspace's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from qbot.cards.lane import Lane, Limit, Ticket
from qbot.cards.rank import Rank
from qbot.domain.ports import Clock

POST: Final = "chat.postMessage"
UPDATE: Final = "chat.update"
LOOK: Final = "conversations.history"
HOME: Final = "views.publish"
UPLOAD: Final = "files.completeUploadExternal"  # and what goes before it, in the same tier

# Tiers: docs.slack.dev, each method's page. Posting is "several hundred" a minute: 3/s stays below.
LIMITS: Final[Mapping[str, Limit]] = MappingProxyType(
    {POST: Limit(180), UPDATE: Limit(50), LOOK: Limit(50), HOME: Limit(100), UPLOAD: Limit(100)}
)
CHANNEL_GAP: Final = 1.0  # seconds between an answered post and the next one in its channel
_CHANNELS = 2_000
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane for the metrics."""

    rate: float  # calls a minute that are allowed at present
    used: int  # of the last minute
    refused: int  # 429 answers ever


class Budget:
    """Ask `wait`; if it is 0, `take`, call, and `done`."""

    def __init__(self, clock: Clock, limits: Mapping[str, Limit] = LIMITS) -> None:
        self._clock = clock
        self._lanes = {method: Lane(limit) for method, limit in limits.items()}
        self._channels: dict[str, float] = {}
        self._pause = 0.0
        self._paused_until = 0.0

    def wait(self, method: str, rank: Rank, channel: str) -> float:
        """Seconds until this call may be sent; 0 = now."""
        now = self._clock.monotonic()
        gate = self._channels.get(channel, 0.0) if method == POST else 0.0
        return max(self._lanes[method].wait(rank, now), gate - now, self._paused_until - now)

    def take(self, method: str, channel: str) -> Ticket:
        """Spend one call."""
        if method == POST:
            self._forget_channels()
            self._channels[channel] = float("inf")  # until it is answered
        return self._lanes[method].take(self._clock.monotonic())

    def done(self, method: str, channel: str, ticket: Ticket) -> None:
        """The call was answered or given up."""
        now = self._clock.monotonic()
        ticket.done = now
        if method == POST:
            self._channels[channel] = now + CHANNEL_GAP

    def expect(self, ends: float) -> float:
        """So many operations will end in the coming minute; edits a minute left for the rest."""
        lane = self._lanes[UPDATE]
        lane.expect(ends)
        return lane.rate * (1.0 - lane.reserve)

    def limited(self, method: str, retry_after: float) -> None:
        """Slack closed a method."""
        self._lanes[method].close(retry_after, self._clock.monotonic())

    def trouble(self) -> None:
        """Slack does not answer: leave it alone, each time for longer."""
        now = self._clock.monotonic()
        if now < self._paused_until:
            return
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._paused_until = now + self._pause

    def worked(self) -> None:
        """Slack answers."""
        self._pause = 0.0

    def snapshot(self) -> Mapping[str, LaneState]:
        """For the metrics, by method."""
        now = self._clock.monotonic()
        return {
            method: LaneState(lane.rate, lane.used(now), lane.refused)
            for method, lane in self._lanes.items()
        }

    def _forget_channels(self) -> None:
        if len(self._channels) > _CHANNELS:
            now = self._clock.monotonic()
            self._channels = {c: t for c, t in self._channels.items() if t > now}
