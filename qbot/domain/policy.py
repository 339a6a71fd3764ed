"""Who may do what. Deny by default; every answer carries its reason. Pure."""

from dataclasses import dataclass

from qbot.domain.people import Actor
from qbot.errors import UserError


@dataclass(frozen=True, slots=True)
class Visitor:
    """What Slack says of the account behind a request. None = Slack did not say."""

    actor: Actor
    name: str = ""
    deleted: bool | None = None
    bot: bool | None = None
    restricted: bool | None = None  # multi- or single-channel guest
    stranger: bool | None = None  # from a shared channel
    home: str = ""  # the workspace that the account belongs to


@dataclass(frozen=True, slots=True)
class Room:
    """The channel of a request. `shared` None = it is private and Qbot is no member."""

    id: str
    shared: bool | None = None  # with another organisation, now or soon
    direct: bool = False
    member: bool = False  # whether Qbot is in it, and can keep a card up to date there

    @property
    def open(self) -> bool:
        """Whether all who are in it may read an answer: known to be of this workspace alone."""
        return self.shared is False


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go on; `rule` is what decided, for the audit log."""

    rule: str


@dataclass(frozen=True, slots=True)
class Denied:
    """Refuse; `reason` is told to the person, `rule` is counted, logged and audited."""

    reason: str
    rule: str
    owner: Actor | None = None  # who could do it, or be asked


Decision = Allowed | Denied


class RefusedError(UserError):
    """A rule says no; the audit log knows."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(denied.reason)
        self.rule = denied.rule
        self.owner = denied.owner


def admit(visitor: Visitor, room: Room, *, team: str) -> Decision:
    """Whether somebody may speak to Qbot here at all.

    `team` is the one workspace that is served. A fact that is missing about a person refuses. One
    about the channel does not: Slack tells nothing about a private channel to who is no member of
    it, and somebody who types a command there has to be told how to invite Qbot. Nothing can
    leak: Qbot cannot post there, so the card goes to the person's DM, and what answers the
    command is for that person alone (`Room.open`).
    """
    if visitor.actor.team != team or visitor.home not in ("", team):
        return Denied("Qbot serves another Slack workspace.", "foreign-workspace")
    if visitor.stranger:
        return Denied("Qbot does not serve people from outside the company.", "stranger")
    if visitor.deleted or visitor.deleted is None:
        return Denied("This Slack account is deactivated or cannot be read.", "deactivated")
    if visitor.bot or visitor.bot is None:
        return Denied("Qbot takes no orders from bots.", "bot")
    if visitor.restricted or visitor.restricted is None:
        return Denied("Guests of the workspace cannot use Qbot.", "guest")
    if room.shared:
        return Denied(
            "This channel is shared with another organisation. Use a channel of your own.",
            "shared-channel",
        )
    return Allowed("member")
