"""What an administrator of the workspace does: sharing, archiving, accounts, cutting sockets."""

from aiohttp import web

from qbot.sandbox.slack import shapes
from qbot.sandbox.slack.delivery.events import Events
from qbot.sandbox.slack.delivery.socket_mode import SocketMode
from qbot.sandbox.slack.drive import asked
from qbot.sandbox.slack.errors import DriveError
from qbot.sandbox.slack.model import Channel, Json
from qbot.sandbox.slack.world import World

REASONS = frozenset({"warning", "refresh_requested", "link_disabled"})


class Admin:
    """`POST /drive/channel`, `/drive/account` and `/drive/socket`."""

    def __init__(self, world: World, events: Events, sockets: SocketMode) -> None:
        self._world = world
        self._events = events
        self._sockets = sockets

    async def channel(self, request: web.Request) -> Json:
        """`{channel, shared?, archived?, join?, leave?}`: changes what is named."""
        given = await asked.body(request, "channel", "shared archived join leave")
        channel = self._world.channel(str(given["channel"]))
        if channel is None:
            raise DriveError(f"no channel {given['channel']!r}")
        for name, joins in (("join", True), ("leave", False)):
            if name in given:
                self._move(channel, given[name], joins=joins)
        if "shared" in given:
            channel.is_ext_shared = bool(given["shared"])
            kind = "channel_shared" if channel.is_ext_shared else "channel_unshared"
            self._events.emit({"type": kind, "channel": channel.id, "connected_team_id": ""})
        if "archived" in given:
            channel.is_archived = bool(given["archived"])
            kind = "channel_archive" if channel.is_archived else "channel_unarchive"
            self._events.emit({"type": kind, "channel": channel.id})
        return {"id": channel.id}

    def _move(self, channel: Channel, name: object, *, joins: bool) -> None:
        user = self._world.user(str(name))
        if user is None:
            raise DriveError(f"no person {name!r}")
        if joins:
            channel.members.add(user.id)
        else:
            channel.members.discard(user.id)

    async def account(self, request: web.Request) -> Json:
        """`{user, deleted?, guest?}`: closes or reopens an account, makes somebody a guest."""
        given = await asked.body(request, "user", "deleted guest")
        user = self._world.user(str(given["user"]))
        if user is None or user.is_bot:
            raise DriveError(f"no person {given['user']!r}")
        user.deleted = bool(given.get("deleted", user.deleted))
        user.is_restricted = bool(given.get("guest", user.is_restricted))
        user.updated = int(self._world.clock.time())
        changed = shapes.user(user, with_email=True)
        self._events.emit({"type": "user_change", "user": changed})
        return {"id": user.id}

    async def socket(self, request: web.Request) -> Json:
        """`{reason}`: warning, refresh_requested or link_disabled to every open socket."""
        given = await asked.body(request, "reason")
        if given["reason"] not in REASONS:
            raise DriveError(f"reason must be one of {', '.join(sorted(REASONS))}")
        told = self._sockets.connections
        await self._sockets.disconnect(given["reason"])
        return {"sockets": told}
