"""Bolt: which listener hears what. Whatever somebody asks for runs inside the guard.

Bolt verifies signatures and decodes; it is told who the token is instead of asking Slack within
the three seconds of the first request, and it never sees an exception.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, assert_never

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from qbot.domain.unfinished import Came
from qbot.gateways.slack import web_client
from qbot.render.blocks import Message
from qbot.render.notices import too_late
from qbot.slack import events, payload
from qbot.slack.guard import Guard, Prepare
from qbot.slack.listeners import Listeners, Submitted
from qbot.slack.payload import Body, Delivery
from qbot.slack.unfinished import Way

log = structlog.get_logger()
OURS = re.compile(r"^env_")


def bolt_app(
    *,
    command: str,
    token: str,
    api_url: str,
    team: str,
    bot_user: str,
    guard: Guard,
    listeners: Listeners,
    opened: Callable[[Body], Awaitable[None]],
) -> AsyncApp:
    """The app with all its listeners; `opened` hears of App Homes.

    It verifies no signatures: in HTTP mode `qbot.web.slack` does, before anything is decoded.
    """

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None, team_id=team, bot_user_id=bot_user, bot_token=token
        )

    app = AsyncApp(
        name="qbot",  # else Bolt reads the source of each caller to find one
        client=web_client(None, api_url),
        authorize=authorize,
        request_verification_enabled=False,
    )
    app.error(_unreadable)
    _commands(app, command, guard, listeners)
    _actions(app, guard, listeners)
    _views(app, guard, listeners)
    events.listen(app, listeners.groups_changed, _mentioned(bot_user, guard, listeners), opened)
    return app


def prepared(
    way: Way, body: Body, listeners: Listeners, outcome: Submitted | None = None
) -> tuple[Delivery, Prepare]:
    """Who asks for what, and how to come to the work; a form's errors go to `outcome`."""
    match way:
        case Way.COMMAND:
            text = str(body.get("text") or "")
            return payload.of_command(body), lambda d: listeners.command(text, d)
        case Way.ACTION:
            return payload.of_action(body), lambda d: listeners.action(body, d)
        case Way.VIEW:
            told = outcome or Submitted()
            return payload.of_view(body), lambda d: listeners.form(body, d, told)
    assert_never(way)


async def go_on(guard: Guard, listeners: Listeners) -> None:
    """Do what processes that died have left, and tell what Slack did not take; until cancelled."""

    async def again(came: Came, *, late: bool) -> None:
        delivery, prepare = prepared(Way(came.way), json.loads(came.body), listeners)
        if late:
            await guard.desk.whisper(delivery, too_late(delivery.wanted, came.at))
        else:
            await guard.again(delivery, prepare)

    untold = guard.desk.untold
    await asyncio.gather(guard.unfinished.go_on(again, untold.take), untold.go_on())


async def _unreadable(error: Exception) -> BoltResponse:
    """Listeners never raise, so Bolt itself stumbled over a payload that is none of Slack's."""
    log.warning("payload cannot be read", error=type(error).__name__)
    return BoltResponse(status=400)


def _commands(app: AsyncApp, command: str, guard: Guard, listeners: Listeners) -> None:
    async def typed(ack: AsyncAck, body: dict[str, Any]) -> None:
        delivery, prepare = prepared(Way.COMMAND, body, listeners)

        async def acknowledge(reply: Message | None) -> None:
            if reply is None:
                await ack()
            else:
                await ack(text=reply.text, blocks=list(reply.blocks), response_type="ephemeral")

        await guard.run(delivery, acknowledge, prepare, came=(Way.COMMAND, body))

    app.command(command)(typed)


def _actions(app: AsyncApp, guard: Guard, listeners: Listeners) -> None:
    async def pressed(ack: AsyncAck, body: dict[str, Any]) -> None:
        delivery, prepare = prepared(Way.ACTION, body, listeners)

        async def acknowledge(reply: Message | None) -> None:
            await ack()
            if reply is not None:
                guard.desk.later(guard.desk.whisper(delivery, reply))

        await guard.run(delivery, acknowledge, prepare, came=(Way.ACTION, body))

    app.action(OURS)(pressed)


def _views(app: AsyncApp, guard: Guard, listeners: Listeners) -> None:
    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        outcome = Submitted()
        delivery, prepare = prepared(Way.VIEW, body, listeners, outcome)

        async def acknowledge(reply: Message | None) -> None:
            if outcome.errors:
                await ack(response_action="errors", errors=outcome.errors)
                return
            await ack(response_action="clear")
            if reply is not None:
                guard.desk.later(guard.desk.whisper(delivery, reply))

        await guard.run(delivery, acknowledge, prepare, came=(Way.VIEW, body))

    for callback in listeners.forms:
        app.view(callback)(submitted)


def _mentioned(
    bot_user: str, guard: Guard, listeners: Listeners
) -> Callable[[dict[str, Any]], Awaitable[None]]:
    async def mentioned(body: dict[str, Any]) -> None:
        delivery = payload.of_mention(body)
        text = payload.behind_mention(body, bot_user)

        async def acknowledge(reply: Message | None) -> None:
            if reply is not None:
                guard.desk.later(guard.desk.whisper(delivery, reply))

        if delivery.asked.actor.user:  # else an app wrote it
            await guard.run(delivery, acknowledge, lambda _: listeners.mention(text))

    return mentioned


class _Socket(Protocol):
    """The part of slack_sdk's client that is used here; its own methods carry no types."""

    proxy: str | None
    wss_uri: str | None

    async def connect(self) -> None:
        """Open the connection and keep it open."""

    async def close(self) -> None:
        """Close it, and what kept it open."""

    async def is_connected(self) -> bool:
        """Whether it is open, and Slack answers its pings."""


class SocketMode:
    """The websocket to Slack; aiohttp's adapter, which comes back at once after a cut."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        self._socket: _Socket = AsyncSocketModeHandler(app, app_token).client
        # slack_sdk takes HTTP_PROXY although the client says that there is none to be used.
        self._socket.proxy = app.client.proxy

    async def start(self, url: str) -> None:
        """Connect to the address that Slack gave out; reconnects by itself from then on."""
        self._socket.wss_uri = url
        await self._socket.connect()

    async def connected(self) -> bool:
        """Whether Slack can tell at this moment what people do."""
        return await self._socket.is_connected()

    async def stop(self) -> None:
        """Take nothing more."""
        await self._socket.close()
