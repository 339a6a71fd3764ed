"""Writing a message of one's own: Slack keeps and shows it; it is no command."""

from aiohttp import web

from qbot.sandbox.slack import payloads, seed
from qbot.sandbox.slack.delivery.events import Events
from qbot.sandbox.slack.drive import asked, typed
from qbot.sandbox.slack.drive.asked import Lookup
from qbot.sandbox.slack.drive.seen import shown
from qbot.sandbox.slack.errors import DriveError
from qbot.sandbox.slack.model import Json, Kind, Message
from qbot.sandbox.slack.world import World


class Say:
    """`POST /drive/say`."""

    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events
        self._lookup = Lookup(world)

    async def handle(self, request: web.Request) -> Json:
        """`{user, channel, text}` -> `{message}`, which everybody in the channel sees."""
        given = await asked.body(request, "user channel text")
        user, text = self._lookup.user(given["user"]), str(given["text"]).strip()
        channel = self._lookup.member_channel(given["channel"], user)
        if not text:
            raise DriveError("nothing was typed")
        if channel.kind is Kind.DM and seed.MESSAGES_TAB_IS_READ_ONLY:
            raise DriveError("Sending messages to this app has been turned off.")
        words = typed.escaped(self._world, text, labels=False)
        message = Message(self._world.next_ts(), channel.id, user.id, words)
        self._world.show(message)
        bot = self._world.bot.id
        if f"<@{bot}>" in words and bot in channel.members:
            self._events.emit(payloads.mention(user, channel, message))
        return {"message": shown(self._world, message)}
