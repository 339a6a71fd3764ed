"""Reading a drive request: exactly the fields that are known, people and channels by name."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from qbot.sandbox.slack.errors import DriveError
from qbot.sandbox.slack.model import Channel, Json, Kind, Message, User
from qbot.sandbox.slack.world import World, dm_id

Handler = Callable[[web.Request], Awaitable[Json]]
Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answering(handler: Handler) -> Route:
    """JSON from what the handler returns; 400 with `error` for what cannot be done."""

    async def run(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await handler(request))
        except DriveError as error:
            return web.json_response({"error": str(error)}, status=400)

    return run


async def body(request: web.Request, required: str, optional: str = "") -> Json:
    """The JSON body; a missing or an unknown field is a bad request."""
    try:
        found = json.loads(await request.read())
    except ValueError:
        raise DriveError("the body must be JSON") from None
    if not isinstance(found, dict):
        raise DriveError("the body must be a JSON object")
    _check(found, set(required.split()), set(optional.split()))
    return found


def query(request: web.Request, required: str, optional: str = "") -> dict[str, str]:
    """The query string, checked in the same way."""
    found = dict(request.query)
    _check(found, set(required.split()), set(optional.split()))
    return found


def _check(found: dict[str, Any], required: set[str], optional: set[str]) -> None:
    if missing := sorted(required - found.keys()):
        raise DriveError(f"missing: {', '.join(missing)}")
    if unknown := sorted(found.keys() - required - optional):
        raise DriveError(f"unknown: {', '.join(unknown)}")


@dataclass(frozen=True, slots=True)
class Lookup:
    """Finds what a request names, as the person who asks may see it."""

    world: World

    def user(self, name: Any) -> User:
        """A living person, by name or id."""
        found = self.world.user(str(name))
        if found is None or found.deleted or found.is_bot:
            raise DriveError(f"no person {name!r}")
        return found

    def channel(self, name: Any, user: User) -> Channel:
        """A channel by name or id, or `dm` for the conversation of `user` with the bot."""
        if name in ("dm", dm_id(user)):
            if user.is_stranger:
                raise DriveError(f"{user.name} has no conversation with the bot")
            return self.world.dm(user)
        found = self.world.channel(str(name))
        if found is None or not self.sees(user, found):
            raise DriveError(f"{user.name} sees no channel {name!r}")
        return found

    def member_channel(self, name: Any, user: User) -> Channel:
        """A channel in which `user` may act: a member, and not archived."""
        found = self.channel(name, user)
        if user.id not in found.members:
            raise DriveError(f"{user.name} is not in {name}")
        if found.is_archived:
            raise DriveError(f"{name} is archived")
        return found

    def sees(self, user: User, channel: Channel) -> bool:
        """Members see a channel; public ones are open to everybody but guests and strangers."""
        if user.id in channel.members:
            return True
        return channel.kind is Kind.PUBLIC and not (user.is_restricted or user.is_stranger)

    def message(self, channel: Channel, ts: Any, user: User, *, gone: bool = False) -> Message:
        """A message that `user` sees, or with `gone` one that was deleted."""
        found = channel.messages.get(str(ts))
        if found is None or (found.only_for and found.only_for != user.id):
            raise DriveError(f"{user.name} sees no message {ts}")
        if found.deleted and not gone:
            raise DriveError(f"message {ts} was deleted")
        return found
