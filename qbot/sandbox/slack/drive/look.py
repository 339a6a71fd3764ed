"""What people see: conversations, App Home, open modals, the list of channels and people."""

import asyncio
from collections import Counter

from aiohttp import web

from qbot.sandbox.slack import payloads, seed, shapes
from qbot.sandbox.slack.delivery.events import Events
from qbot.sandbox.slack.drive import asked
from qbot.sandbox.slack.drive.asked import Lookup
from qbot.sandbox.slack.drive.seen import shown
from qbot.sandbox.slack.model import Channel, Json, Kind, Message, User
from qbot.sandbox.slack.world import Change, World

HOME_WAIT = 3.0  # seconds for the app to publish after app_home_opened
HOME_QUIET = 0.5  # seconds it has left once it acknowledged without publishing


class Look:
    """The GET half of /drive."""

    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events
        self._lookup = Lookup(world)
        self._home_seen: dict[str, str] = {}  # hash of the App Home each person saw last

    async def messages(self, request: web.Request) -> Json:
        """`channel, as, thread?` -> `messages`, oldest first.

        Without `thread`: everything but replies that were not broadcast. With it: the parent
        and its replies.
        """
        given = asked.query(request, "channel as", "thread")
        user = self._lookup.user(given["as"])
        channel = self._lookup.channel(given["channel"], user)
        thread = given.get("thread", "")
        if thread:
            self._lookup.message(channel, thread, user)
        replies = _reply_counts(channel)
        found = [
            shown(self._world, message) | {"reply_count": replies[message.ts]}
            for message in channel.messages.values()
            if self._visible(message, user) and _listed(message, thread)
        ]
        return {"channel": channel.id, "messages": found}

    def _visible(self, message: Message, user: User) -> bool:
        return not message.deleted and message.only_for in {"", user.id}

    async def home(self, request: web.Request) -> Json:
        """`as, anew?` -> `view` or null. Looking opens the tab: the app gets app_home_opened.

        It does not when something was published since this person looked last: then the
        tab, still open, simply shows it. So a page may look again on every "home" notice.
        With `anew` somebody has come to the tab just now.
        """
        given = asked.query(request, "as", "anew")
        user = self._lookup.user(given["as"])
        view = self._world.homes.get(user.id)
        opens = self._events.home_tab and not user.is_stranger
        if opens and ("anew" in given or not view or view.hash == self._home_seen.get(user.id)):
            await self._open_home(user)
            view = self._world.homes.get(user.id)
        if view is not None:
            self._home_seen[user.id] = view.hash
        return {"view": shapes.view(view) if view else None}

    async def _open_home(self, user: User) -> None:
        published = asyncio.Event()

        def watch(change: Change) -> None:
            if change.what == "home" and change.view and change.view.user == user.id:
                published.set()

        async def deliver() -> None:
            await self._events.send(payloads.home_opened(self._world, user))
            await asyncio.sleep(HOME_QUIET)

        with self._world.watching(watch):
            sent = self._world.kernel.spawn(deliver(), "slack: app_home_opened")
            shown_ = asyncio.ensure_future(published.wait())
            await asyncio.wait({sent, shown_}, timeout=HOME_WAIT, return_when="FIRST_COMPLETED")
            shown_.cancel()
            await asyncio.gather(shown_, return_exceptions=True)

    async def views(self, request: web.Request) -> Json:
        """`as` -> `view` (the open modal or null) and `views` (the stack, the top last)."""
        user = self._lookup.user(asked.query(request, "as")["as"])
        stack = [shapes.view(view) for view in self._world.modals.get(user.id, [])]
        return {"view": stack[-1] if stack else None, "views": stack}

    async def channels(self, request: web.Request) -> Json:
        """`as` -> `channels` that this person sees; the DM with the bot is always there."""
        user = self._lookup.user(asked.query(request, "as")["as"])
        if not user.is_stranger:
            self._world.dm(user)
        seen = [c for c in self._world.channels.values() if self._lookup.sees(user, c)]
        return {"channels": [self._channel(channel, user) for channel in seen]}

    def _channel(self, channel: Channel, user: User) -> Json:
        visible = [m for m in channel.messages.values() if self._visible(m, user)]
        return {
            "id": channel.id,
            "name": channel.name or "dm",
            "kind": channel.kind.value,
            "latest": visible[-1].ts if visible else None,
            "member": user.id in channel.members,
            "home_tab": channel.kind is Kind.DM and self._events.home_tab,
            "read_only": channel.kind is Kind.DM and seed.MESSAGES_TAB_IS_READ_ONLY,
            "bot_member": self._world.bot.id in channel.members,
            "archived": channel.is_archived,
            "ext_shared": channel.is_ext_shared,
        }

    async def users(self, request: web.Request) -> Json:
        """`users`: everybody, with the groups that they are in."""
        asked.query(request, "")
        return {"users": [self._user(user) for user in self._world.users.values()]}

    def _user(self, user: User) -> Json:
        groups = [g.handle for g in self._world.groups.values() if user.id in g.users]
        return {
            "id": user.id,
            "name": user.name,
            "real_name": user.real_name,
            "email": user.email,
            "tz": user.tz,
            "guest": user.is_restricted or user.is_ultra_restricted,
            "external": user.is_stranger,
            "bot": user.is_bot,
            "deleted": user.deleted,
            "groups": groups,
        }

    def clear(self) -> None:
        """Forget who saw what."""
        self._home_seen.clear()


def _listed(message: Message, thread: str) -> bool:
    if thread:
        return thread in {message.ts, message.thread_ts}
    return message.broadcast or bool(message.only_for) or not message.is_reply


def _reply_counts(channel: Channel) -> Counter[str]:
    """How many living replies each parent has."""
    return Counter(
        m.thread_ts
        for m in channel.messages.values()
        if m.is_reply and not (m.deleted or m.only_for)
    )
