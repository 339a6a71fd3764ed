"""Who is behind a request and where it came from, read from Slack and kept for ten minutes."""

from typing import Protocol, TypeVar

from qbot.domain.outages import WhetherAway, never
from qbot.domain.people import Actor
from qbot.domain.policy import Room, Visitor
from qbot.domain.ports import Clock
from qbot.errors import TransientError
from qbot.gateways.slack import Channel, NotHereError, Profile

_KEEP = 600.0  # seconds; roles are read again where they decide about production
_MOST = 5_000
T = TypeVar("T")


class Directory(Protocol):
    """The two reads of Slack that are needed here."""

    async def profile(self, user: str) -> Profile:
        """One account."""

    async def channel(self, channel: str) -> Channel:
        """One conversation."""


class Visitors:
    """A small cache in front of Slack; an old entry is used while Slack does not answer.

    Args:
        slack: is asked.
        clock: for how old an entry is.
        away: whether Slack is known not to answer: nobody waits for it then.
    """

    def __init__(self, slack: Directory, clock: Clock, away: WhetherAway = never) -> None:
        self._slack = slack
        self._clock = clock
        self._away = away
        self._profiles: dict[str, tuple[float, Visitor]] = {}
        self._rooms: dict[str, tuple[float, Room]] = {}

    async def visitor(self, actor: Actor) -> Visitor:
        """What Slack says of the account.

        Raises:
            TransientError: Slack does not answer and nothing is known.
        """
        known = self._profiles.get(actor.key)
        if known and self._will_do(known[0]):
            return known[1]
        try:
            found = (await self._slack.profile(actor.user)).visitor(actor)
        except NotHereError:  # there is no such account: nothing is known, so it is refused
            return Visitor(actor)
        except TransientError:
            if known is None:
                raise
            return known[1]
        _keep(self._profiles, actor.key, (self._clock.monotonic(), found))
        return found

    async def room(self, channel: str) -> Room:
        """What Slack says of the channel; unknown where Qbot is no member of a private one.

        Where it is no member it is asked again each time, as it may be invited any moment; what
        was known before counts only where Slack does not say.
        """
        if channel.startswith("D") or not channel:
            return Room(channel, shared=False, direct=True)
        known = self._rooms.get(channel)
        if known and self._will_do(known[0], lasts=known[1].member):
            return known[1]
        try:
            info = await self._slack.channel(channel)
            found = Room(channel, shared=info.external, member=info.member)
        except NotHereError:
            found = Room(channel)
        except TransientError:
            if known is None:
                raise
            return known[1]
        _keep(self._rooms, channel, (self._clock.monotonic(), found))
        return found

    def _will_do(self, asked_at: float, *, lasts: bool = True) -> bool:
        young = lasts and self._clock.monotonic() - asked_at < _KEEP
        return young or self._away() is not None


def _keep(cache: dict[str, tuple[float, T]], key: str, entry: tuple[float, T]) -> None:
    if len(cache) >= _MOST:
        cache.pop(next(iter(cache)))
    cache[key] = entry
