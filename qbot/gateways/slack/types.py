"""What the gateway takes and gives, in our words."""

from dataclasses import dataclass
from typing import Final

from qbot.domain.people import Actor
from qbot.domain.policy import Visitor

EVENT_TYPE: Final = "qbot_operation"


@dataclass(frozen=True, slots=True)
class Mark:
    """Message metadata by which a message is found again: ids only, anybody may read it.

    Attributes:
        op: the operation, or for a board the channel.
        part: `card`, `end` or `board`.
    """

    op: str
    part: str


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message is. For a DM `channel` is its D... id, not the user's."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What decides whether an account may use Qbot. A flag that Slack left out is None."""

    user: str
    team: str
    enterprise: str = ""  # of the organisation, on Enterprise Grid
    name: str = ""  # to show only
    email: str = ""  # lower case; empty where Slack does not tell
    locale: str = ""
    timezone: str = ""
    deleted: bool | None = None
    bot: bool | None = None
    restricted: bool | None = None  # any guest
    ultra_restricted: bool | None = None  # a guest of a single channel
    stranger: bool | None = None  # False does not prove that somebody is internal

    def visitor(self, actor: Actor) -> Visitor:
        """The same as policy takes it; `actor` is whom the profile was asked for."""
        return Visitor(
            actor=actor,
            name=self.name,
            deleted=self.deleted,
            bot=self.bot,
            restricted=True if self.ultra_restricted else self.restricted,
            stranger=self.stranger,
            home=self.team,
        )


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group that is in use. Anybody with the right to may change its handle."""

    id: str
    handle: str  # without the @
    users: frozenset[str]


@dataclass(frozen=True, slots=True)
class Channel:
    """One conversation."""

    id: str
    name: str
    member: bool  # whether Qbot is in it
    external: bool  # shared with another organisation, or about to be
    archived: bool = False
