"""A served stand-in, unmodified vendor clients, and a person at the keyboard."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.slack import SlackStandIn
from qbot.sandbox.slack.seed import DEFAULT_SCOPES

GENERAL, RELEASES, RANDOM = "C05GENERAL1", "C05RELEAS3S", "C05RAND0M44"
SECRET, ARCHIVED, PARTNERS = "C05SECR3T77", "C05ATT1C002", "C05PARTN3R5"
ANA, BEN, CHLOE, DAN = "U05ANA4K2M1", "U05BEN7H3P9", "W05CHL0E8T4", "U05DAN1V6R2"
GUS, EVE, ZOE, NILS = "U05GUS5N8F3", "U09EVE2Q7L5", "U05ZOE3B9D8", "U05N1L5X0C6"
Json = dict[str, Any]
# For the tests of the stand-in itself, which can do more than Qbot asks for.
EVERYTHING: Json = {
    "scopes": DEFAULT_SCOPES | {"im:read", "reactions:write", "team:read"},
    "events": (
        "app_home_opened", "user_change", "subteam_members_changed", "subteam_updated",
        "channel_shared", "channel_unshared", "member_left_channel",
    ),
}  # fmt: skip


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve on a free port; the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        await runner.cleanup()


@dataclass
class Stage:
    """What a test plays on."""

    kernel: Kernel
    slack: SlackStandIn
    client: AsyncWebClient
    http: aiohttp.ClientSession

    def as_token(self, token: str) -> AsyncWebClient:
        return AsyncWebClient(token, base_url=f"{self.kernel.url}/slack/api/", retry_handlers=[])

    async def drive(self, path: str, **body: Any) -> Json:
        async with self.http.post(f"{self.kernel.url}/drive/{path}", json=body) as answer:
            return {**await answer.json(), "status": answer.status}

    async def look(self, path: str, **query: str) -> Json:
        async with self.http.get(f"{self.kernel.url}/drive/{path}", params=query) as answer:
            return {**await answer.json(), "status": answer.status}

    async def slash(self, user: str, text: str, channel: str = "general") -> Json:
        return await self.drive("slash", user=user, channel=channel, text=text)

    async def seen(self, user: str, channel: str = "general", **more: str) -> list[Json]:
        answer = await self.look("messages", channel=channel, **{"as": user}, **more)
        messages: list[Json] = answer["messages"]
        return messages


@asynccontextmanager
async def stage(mode: Literal["http", "socket"] = "http", **options: Any) -> AsyncIterator[Stage]:
    """A stand-in on a free port, with clients for it."""
    kernel = Kernel(SandboxClock())
    slack = SlackStandIn(kernel, mode=mode, **options)
    root = web.Application()
    root.add_subapp("/slack", slack.app())
    root.add_routes(slack.drive_routes())
    async with served(root) as kernel.url, aiohttp.ClientSession() as http:
        await slack.start()
        client = AsyncWebClient(
            slack.bot_token, base_url=f"{kernel.url}/slack/api/", retry_handlers=[]
        )
        try:
            yield Stage(kernel, slack, client, http)
        finally:
            await slack.stop()
            await kernel.stop()


@asynccontextmanager
async def bolt_over_http(playing: Stage) -> AsyncIterator[AsyncApp]:
    """Bolt's own aiohttp server, verifying signatures, as the app under test."""
    app = AsyncApp(client=playing.client, signing_secret=playing.slack.signing_secret)
    async with served(app.server(port=0, path="/slack/events").web_app) as playing.slack.app_url:
        yield app


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so, for five seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came true")


async def refused(call: Any) -> AsyncSlackResponse:
    """The answer of a call that Slack refuses."""
    try:
        await call
    except SlackApiError as error:
        answer: AsyncSlackResponse = error.response
        return answer
    raise AssertionError("Slack accepted this")


def button(action_id: str, value: str = "", text: str = "Go") -> Json:
    shown: Json = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": text},
    }
    return shown | ({"value": value} if value else {})


def actions(*elements: Json, block_id: str = "") -> list[Json]:
    block: Json = {"type": "actions", "elements": list(elements)}
    return [block | ({"block_id": block_id} if block_id else {})]


def section(text: str, block_id: str = "") -> Json:
    block: Json = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return block | ({"block_id": block_id} if block_id else {})


def modal(*blocks: Json, **more: Any) -> Json:
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Create"},
        "blocks": list(blocks) or [section("hello")],
        **more,
    }


def text_input(action_id: str, block_id: str, **more: Any) -> Json:
    return {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": action_id},
        "element": {"type": "plain_text_input", "action_id": action_id},
        **more,
    }


SUBMIT = {"type": "plain_text", "text": "Create"}
