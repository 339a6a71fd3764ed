"""The entry points: Slack by HTTP or Socket Mode, hooks, the pages of links."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp

from qbot.app.covering import covered
from qbot.app.ending import in_background
from qbot.domain.authority import Authority
from qbot.domain.identity import Identities, Identity
from qbot.domain.ports import Clock
from qbot.domain.subjects import Subject
from qbot.errors import PermanentError, TransientError
from qbot.gateways.slack import SlackGateway, open_slack
from qbot.operations.presence import Presence
from qbot.settings import Settings, secret
from qbot.slack import events
from qbot.slack.guard import Guard
from qbot.slack.home import HomeTab
from qbot.slack.listeners import Listeners
from qbot.slack.register import SocketMode, bolt_app, go_on
from qbot.web.hooks import Hooks
from qbot.web.link import Linking
from qbot.web.metrics import Metrics
from qbot.web.routes import subjects_of
from qbot.web.server import Server
from qbot.web.slack import slack_app

log = structlog.get_logger()
_LONGEST_PAUSE = 30.0
_MARK = 16  # hexadecimal digits
T = TypeVar("T")
Waits = Callable[[str], None]
"""Is told what holds the start up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the entry points need."""

    settings: Settings
    guard: Guard
    listeners: Listeners
    home: HomeTab
    identity: Identity
    metrics: Metrics
    clock: Clock
    linking: Linking | None
    hooks: Hooks
    authority: Authority
    others: Sequence[Subject]
    presence: Presence
    waits: Waits


async def open_doors(doors: Doors, stack: AsyncExitStack) -> None:
    """Check that every way in has a rule, then listen; the stack closes them.

    Raises:
        PermanentError: something has no rule, or an address is not usable.
    """
    settings = doors.settings
    bolt = _bolt(doors)
    public = _public(doors, bolt)
    routes = subjects_of(public) if public else []
    asked = [*doors.listeners.subjects(), *events.subjects()]
    covered(doors.authority, [*asked, *doors.others, *routes])
    in_background(go_on(doors.guard, doors.listeners), "what others left", stack)
    if public is not None:
        await _listen(Server(public, settings.listen, setting="QBOT_LISTEN"), stack)
    if settings.socket_mode:
        socket = await _open_socket(settings, stack, bolt, doors.clock, doors.waits)
        doors.presence.hears(socket.connected)


def _bolt(doors: Doors) -> AsyncApp:
    slack = doors.settings.slack
    return bolt_app(
        command=slack.command,
        token=secret(slack.bot_token),
        api_url=slack.api_url,
        team=doors.identity.team,
        bot_user=doors.identity.bot_user,
        guard=doors.guard,
        listeners=doors.listeners,
        opened=doors.home.opened,
    )


def _public(doors: Doors, bolt: AsyncApp) -> web.Application | None:
    """What is served to the outside; None: nothing, as with Socket Mode without links and hooks."""
    app: web.Application | None = None
    if not doors.settings.socket_mode:
        app = slack_app(
            bolt,
            secret=secret(doors.settings.slack.signing_secret),
            now=doors.clock.now,
            refused=doors.metrics.refused,
        )
    if doors.linking is not None:
        app = app or web.Application()
        app.add_routes(doors.linking.routes())
    if doors.hooks.wanted:
        app = app or web.Application()
    if app is not None:
        app.add_routes(doors.hooks.routes)
    return app


async def _listen(server: Server, stack: AsyncExitStack) -> None:
    await server.start()
    stack.push_async_callback(server.stop)


async def _open_socket(
    settings: Settings, stack: AsyncExitStack, bolt: AsyncApp, clock: Clock, waits: Waits
) -> SocketMode:
    """slack_sdk tries a refused token for ever, so the first address is asked for here."""
    token = secret(settings.slack.app_token)
    async with open_slack(token, settings.slack.api_url) as opener:

        async def ask() -> str:
            return str((await opener.call("apps.connections.open"))["url"])

        url = await _answered(ask, clock, "QBOT_SLACK__APP_TOKEN", waits)
    socket = SocketMode(bolt, token)
    stack.push_async_callback(socket.stop)
    await socket.start(url)
    return socket


async def identify(
    slack: SlackGateway, settings: Settings, clock: Clock, waits: Waits, before: Identities
) -> Identity:
    """Ask Slack who the token is, before anything is served.

    A Slack that is away is waited for the first time only: later what it said last is believed,
    so that what was begun goes on meanwhile.

    Raises:
        PermanentError: the token is refused, or belongs to another workspace.
    """
    setting = "QBOT_SLACK__BOT_TOKEN"
    mark = _mark(secret(settings.slack.bot_token))
    known = await before.remembered(mark)

    async def ask() -> Identity:
        try:
            found = Identity(*await slack.identity())
        except TransientError as error:
            if known is None:
                raise
            log.warning("slack does not answer: going on as the last time", error=str(error))
            return known
        if found != known:
            await before.remember(mark, found)
        return found

    identity = await _answered(ask, clock, setting, waits)
    expected = settings.slack.team_id
    if expected and identity.team != expected:
        raise PermanentError(
            f"QBOT_SLACK__TEAM_ID is {expected}, but QBOT_SLACK__BOT_TOKEN belongs to "
            f"{identity.team}."
        )
    return identity


def _mark(token: str) -> str:
    """Tells one token from another, and says nothing of either."""
    return hashlib.sha256(f"qbot identity {token}".encode()).hexdigest()[:_MARK]


async def _answered(ask: Callable[[], Awaitable[T]], clock: Clock, setting: str, waits: Waits) -> T:
    """Slack's answer, however long it is away.

    Raises:
        PermanentError: it refuses; names the setting.
    """
    pause = 1.0
    while True:
        try:
            return await ask()
        except TransientError as error:
            wait = max(pause, error.retry_after or 0)
            waits(f"{error}; asked again within {wait:g} s")
            log.warning("slack does not answer yet", error=str(error), retry_in=wait)
            await clock.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)
        except PermanentError as error:
            raise PermanentError(f"{setting}: {error}.") from None
