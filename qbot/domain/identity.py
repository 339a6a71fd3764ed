"""Who Qbot is in Slack, and the port that remembers it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot token is, and what it may; no `scopes`: Slack did not say."""

    team: str
    bot_user: str
    scopes: frozenset[str]


class Identities(Protocol):
    """What Slack last said of a token; `mark` stands for that. May raise TransientError."""

    async def remembered(self, mark: str) -> Identity | None:
        """None: that token was never used with this database."""

    async def remember(self, mark: str, identity: Identity) -> None:
        """In the place of all that was remembered: there is one token at a time."""
