"""How often each Web API method may be called, and the bookkeeping that enforces it.

Floors per minute: https://docs.slack.dev/apis/web-api/rate-limits/ (tiers, chat.postMessage
once a second and channel, several hundred a minute and workspace), the tier of a method from
its page below https://docs.slack.dev/reference/methods/. Slack publishes neither the bursts nor
the length of a penalty: both are unconfirmed, chosen small and seconds long.
"""

import math
from dataclasses import dataclass

from qbot.sandbox.clock import SandboxClock


@dataclass(frozen=True, slots=True)
class Tier:
    """`per_minute` calls in the long run, `burst` at once after a rest."""

    per_minute: float
    burst: int


TIER_1 = Tier(1, 10)  # ten sockets may be opened one after the other
TIER_2 = Tier(20, 5)
TIER_3 = Tier(50, 10)
TIER_4 = Tier(100, 20)
HUNDREDS = Tier(300, 50)
PER_CHANNEL = Tier(60, 3)
POSTS = Tier(300, 20)

METHODS = {
    "apps.connections.open": TIER_1,
    "auth.test": HUNDREDS,
    "bots.info": TIER_3,
    "chat.delete": TIER_3,
    "chat.getPermalink": HUNDREDS,
    "chat.postEphemeral": TIER_4,
    "chat.postMessage": POSTS,
    "chat.update": TIER_3,
    "conversations.history": TIER_3,
    "conversations.info": TIER_3,
    "conversations.join": TIER_3,
    "conversations.list": TIER_2,
    "conversations.members": TIER_4,
    "conversations.open": TIER_3,
    "conversations.replies": TIER_3,
    "files.completeUploadExternal": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "reactions.add": TIER_3,
    "team.info": TIER_3,
    "usergroups.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "users.info": TIER_4,
    "users.list": TIER_2,
    "users.lookupByEmail": TIER_3,
    "views.open": TIER_4,
    "views.publish": TIER_4,
    "views.push": TIER_4,
    "views.update": TIER_4,
}


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float
    shut_until: float = 0.0


class Limiter:
    """Counts calls per key. `enabled` is for tests about something else."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self.enabled = True

    def take(self, key: str, tier: Tier) -> int:
        """Count one call: 0 if it may go on, else the seconds for Retry-After.

        After a refusal the key stays shut for as long as was told, whoever asks.
        """
        if not self.enabled:
            return 0
        now = self._clock.time()
        bucket = self._buckets.setdefault(key, _Bucket(tier.burst, now))
        rate = tier.per_minute / 60
        bucket.left = min(tier.burst, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if now >= bucket.shut_until and bucket.left < 1:
            bucket.shut_until = now + math.ceil(min(30.0, tier.burst / rate))
        if now < bucket.shut_until:
            return math.ceil(bucket.shut_until - now)
        bucket.left -= 1
        return 0

    def clear(self) -> None:
        """Forget every count."""
        self._buckets.clear()
