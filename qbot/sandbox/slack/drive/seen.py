"""Messages as one person sees them, and the direct answers to something the person did."""

import asyncio
from dataclasses import dataclass, field

from qbot.sandbox.slack.delivery.outcome import PATIENCE, Outcome
from qbot.sandbox.slack.model import Json, Message, User
from qbot.sandbox.slack.world import Change, World

QUIET = 0.25  # seconds without news after the first answer


def shown(world: World, message: Message) -> Json:
    """One message. `edited` says that it changed since it was posted."""
    return {
        "ts": message.ts,
        "channel": message.channel,
        "user": world.users[message.user].name,
        "user_id": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "files": message.files,
        "reactions": {name: len(users) for name, users in message.reactions.items()},
        "edited": message.changed,
        "thread_ts": message.thread_ts or None,
        "ephemeral": bool(message.only_for),
    }


@dataclass(slots=True)
class Answers:
    """Collects what `user` sees as the answer to one interaction.

    That is: new messages of the bot there or in the DM, ephemeral ones for this person, an
    edit or removal of the message that was clicked, and a view that opens or changes. What
    answers another interaction through a response_url does not count, and neither does what
    goes on in the thread of a message that was there before.
    """

    world: World
    user: User
    place: str  # the conversation it happened in; "" for a view
    interaction: str
    source: Message | None = None
    messages: dict[str, Message] = field(default_factory=dict)
    view_id: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def watch(self, change: Change) -> None:
        """Called on every change in the workspace."""
        if (view := change.view) is not None and view.user == self.user.id:
            if change.what == "view" and view in self.world.modals.get(view.user, ()):
                self.view_id = view.id
            self.news.set()
        if (message := change.message) is not None and self._counts(change.what, message):
            self.messages[message.ts] = message
            self.news.set()

    def _counts(self, what: str, message: Message) -> bool:
        if what != "new":
            return message is self.source or message.ts in self.messages
        if message.interaction not in {"", self.interaction}:
            return False
        if message.only_for:
            return message.only_for == self.user.id
        if not message.by_app or (message.is_reply and message.thread_ts not in self.messages):
            return False
        return message.channel in {self.place, "D" + self.user.id[1:]}

    async def settle(self, started: float) -> None:
        """Wait until 250 ms after the last news, or three seconds (wall time) after `started`."""
        loop = asyncio.get_running_loop()
        heard = self.news.is_set()
        while (left := started + PATIENCE - loop.time()) > 0:
            self.news.clear()
            try:
                async with asyncio.timeout(min(QUIET, left) if heard else left):
                    await self.news.wait()
            except TimeoutError:
                return
            heard = True

    def report(self, outcome: Outcome) -> Json:
        """The answer of /drive/slash and /drive/click."""
        answer: Json = {
            "http_status": outcome.status,
            "ack_ms": round(outcome.ms, 2),
            "replies": [
                shown(self.world, message)
                for _, message in sorted(self.messages.items())
                if not message.deleted
            ],
        }
        return answer | ({"view_id": self.view_id} if self.view_id else {})
