"""Who asks, by ids that Slack signed; names are only for showing."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Actor:
    """A Slack account: workspace id and user id. Ids decide, never names."""

    team: str
    user: str

    @property
    def key(self) -> str:
        """One text for database keys and labels."""
        return f"{self.team}-{self.user}"

    @classmethod
    def from_key(cls, key: str) -> Self:
        """The inverse of `key`."""
        team, _, user = key.partition("-")
        return cls(team, user)


QBOT = Actor("", "qbot")
"""Qbot itself, where no person asked: no Slack id is written in small letters."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer or a card belongs: a channel, or the actor's DM when `channel` is empty.

    `response_url` answers one interaction for 30 minutes, also where Qbot is no member.
    """

    channel: str
    response_url: str = ""

    @property
    def direct(self) -> bool:
        """Whether nobody else sees what is shown there."""
        return not self.channel or self.channel.startswith("D")
