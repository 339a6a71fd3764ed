"""response_url: five answers within thirty minutes.

Source: https://docs.slack.dev/interactivity/handling-user-interaction/. How Slack words a used
up or expired URL, and a body that it refuses, is unconfirmed.
"""

import secrets
from dataclasses import dataclass

from aiohttp import web

from qbot.sandbox.slack import arguments, content, seed
from qbot.sandbox.slack.arguments import Arguments
from qbot.sandbox.slack.content import Content
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.model import Json, Message
from qbot.sandbox.slack.world import World

USES = 5
LIFETIME = 1800.0  # seconds
KNOWN = frozenset(
    {
        "text", "blocks", "attachments", "response_type", "replace_original", "delete_original",
        "thread_ts", "metadata", "mrkdwn", "unfurl_links", "unfurl_media", "parse", "link_names",
    }
)  # fmt: skip


@dataclass(slots=True)
class _Slot:
    user: str
    channel: str
    interaction: str
    source: Message | None  # what was clicked
    expires: float
    left: int = USES


class Responses:
    """Issues response_urls and takes what is posted to them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._slots: dict[str, _Slot] = {}

    def issue(
        self, kind: str, user: str, channel: str, interaction: str, source: Message | None = None
    ) -> str:
        """A new URL; `kind` is "commands" or "actions"."""
        path = f"{kind}/{seed.TEAM}/{secrets.randbelow(10**13)}/{secrets.token_urlsafe(18)}"
        expires = self._world.clock.time() + LIFETIME
        self._slots[path] = _Slot(user, channel, interaction, source, expires)
        return f"{self._world.kernel.url}/slack/{path}"

    def clear(self) -> None:
        """Forget every URL."""
        self._slots.clear()

    async def handle(self, request: web.Request) -> web.Response:
        """`POST /commands/...` or `/actions/...`."""
        slot = self._slots.get(request.path.partition("/slack/")[2])
        if slot is None:
            return _no(404, "invalid_url")
        if self._world.clock.time() > slot.expires:
            return _no(404, "expired_url")
        if slot.left <= 0:
            return _no(404, "used_url")
        try:
            self._answer(slot, arguments.from_json(await request.read()))
        except ApiError as error:
            return _no(400, error.code)
        slot.left -= 1
        return web.json_response({"ok": True})

    def _answer(self, slot: _Slot, body: Json) -> None:
        """Post, replace or delete, as the body says."""
        for unknown in sorted(body.keys() - KNOWN):
            self._world.kernel.calls.refuse("slack", f"argument {unknown} of a response_url")
        if body.get("delete_original") and slot.source is not None:
            self._world.remove(slot.source)
            return
        said = content.read(Arguments(body), self._world.kernel.calls)
        if body.get("replace_original") and slot.source is not None:
            self._replace(slot.source, said)
            return
        public = body.get("response_type") == "in_channel"
        thread = str(body.get("thread_ts") or "")
        self.post(said, slot.user, slot.channel, slot.interaction, public=public, thread=thread)

    def _replace(self, source: Message, said: Content) -> None:
        source.versions.append(source.blocks)
        source.text, source.blocks = said.text, said.blocks or []
        source.attachments = said.attachments or []
        self._world.edited(source)

    def post(
        self, said: Content, user: str, channel: str, interaction: str,
        *, public: bool, thread: str = "",
    ) -> Message:  # fmt: skip
        """A message by the app, wherever the interaction was, member or not."""
        message = said.by_app(self._world.next_ts(), channel, self._world.bot.id)
        message.thread_ts, message.interaction = thread, interaction
        message.only_for = "" if public else user
        self._world.show(message)
        return message


def _no(status: int, error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=status)
