"""What every Web API method gets, and how it finds and may touch a conversation."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from qbot.sandbox.slack.arguments import Arguments
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.model import Channel, Json, Kind, Message, Token
from qbot.sandbox.slack.tiers import Limiter
from qbot.sandbox.slack.world import World

T = TypeVar("T")
KINDS = {Kind.PUBLIC: "channels", Kind.PRIVATE: "groups", Kind.DM: "im"}


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call: the workspace, what was asked, and with which rights."""

    world: World
    args: Arguments
    token: Token
    limiter: Limiter

    def need_scope(self, scope: str) -> None:
        """Refuse with missing_scope unless the token has it."""
        if scope not in self.token.scopes:
            provided = ",".join(sorted(self.token.scopes))
            raise ApiError("missing_scope", needed=scope, provided=provided)

    def need_scope_for(self, channel: Channel, right: str) -> None:
        """The scope for `right` ("read", "history") on this kind of conversation."""
        self.need_scope(f"{KINDS[channel.kind]}:{right}")

    def is_member(self, channel: Channel) -> bool:
        """Whether the bot is in it."""
        return self.world.bot.id in channel.members

    def conversation(self, name: str = "channel") -> Channel:
        """The conversation with this id; what the bot cannot see does not exist."""
        found = self.world.channels.get(self.args.need(name, "channel_not_found"))
        if found is None or (found.kind is not Kind.PUBLIC and not self.is_member(found)):
            raise ApiError("channel_not_found")
        return found

    def destination(self) -> Channel:
        """Where to post: a conversation id, a person's id (their DM), or a channel's name."""
        wanted = self.args.need("channel", "channel_not_found")
        person = self.world.users.get(wanted)
        if person is not None:
            if person.deleted or person.is_stranger or person.is_bot:
                raise ApiError("channel_not_found")
            return self.world.dm(person)
        named = self.world.channel(wanted.removeprefix("#"))
        if named is None or (named.kind is not Kind.PUBLIC and not self.is_member(named)):
            raise ApiError("channel_not_found")
        if named.is_archived:
            raise ApiError("is_archived")
        if not self.is_member(named):
            raise ApiError("not_in_channel")
        return named

    def message(self, channel: Channel, argument: str, error: str) -> Message:
        """A message that is still there; ephemeral ones are nobody's to find."""
        found = channel.messages.get(self.args.need(argument, error))
        if found is None or found.deleted or found.only_for:
            raise ApiError(error)
        return found


Run = Callable[[Invocation], Json]


@dataclass(frozen=True, slots=True)
class Method:
    """One Web API method: any one of `scopes` opens it; `arguments` are the documented ones."""

    run: Run
    scopes: tuple[str, ...] = ()
    arguments: frozenset[str] = frozenset()
    kind: str = "bot"  # of the token that it takes


def method(run: Run, scopes: str = "", arguments: str = "") -> Method:
    """A `Method` for the bot token, its scopes and arguments written as words."""
    return Method(run, tuple(scopes.split()), frozenset(arguments.split()))


def page(call: Invocation, items: Sequence[T], *, most: int = 1000) -> tuple[list[T], Json]:
    """The asked-for page of `items`, and the response_metadata that leads to the next."""
    limit = call.args.integer("limit", 100, low=1, high=most, error="invalid_limit")
    try:
        start = int(base64.b64decode(call.args.text("cursor"), validate=True) or 0)
    except (ValueError, binascii.Error):
        raise ApiError("invalid_cursor") from None
    end = start + limit
    cursor = base64.b64encode(str(end).encode()).decode() if end < len(items) else ""
    return list(items[start:end]), {"next_cursor": cursor}
