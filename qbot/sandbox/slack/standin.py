"""Slack's stand-in, put together."""

import secrets
from collections.abc import Iterable
from typing import Any, Literal

from aiohttp import web

from qbot.sandbox.http import middleware
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.slack import payloads, seed
from qbot.sandbox.slack.delivery.courier import Courier
from qbot.sandbox.slack.delivery.events import Events
from qbot.sandbox.slack.delivery.signed_http import SignedHttp
from qbot.sandbox.slack.delivery.socket_mode import SocketMode
from qbot.sandbox.slack.drive.admin import Admin
from qbot.sandbox.slack.drive.asked import answering
from qbot.sandbox.slack.drive.click import Click
from qbot.sandbox.slack.drive.look import Look
from qbot.sandbox.slack.drive.modals import Modals
from qbot.sandbox.slack.drive.say import Say
from qbot.sandbox.slack.drive.scopes import Scopes
from qbot.sandbox.slack.drive.slash import Slash
from qbot.sandbox.slack.drive.suggest import Suggestions
from qbot.sandbox.slack.errors import DriveError
from qbot.sandbox.slack.faulty import SlackShapes
from qbot.sandbox.slack.model import Token
from qbot.sandbox.slack.responses import Responses
from qbot.sandbox.slack.tiers import Limiter
from qbot.sandbox.slack.uploads import Uploads
from qbot.sandbox.slack.webapi import WebApi
from qbot.sandbox.slack.world import World


class SlackStandIn:
    """One workspace with the app installed.

    `mode` says how the app is reached; in HTTP mode everything goes, signed, to
    `{app_url}/slack/events`. `scopes`, `events` and `commands` stand for the app's manifest.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        mode: Literal["http", "socket"] = "http",
        app_url: str = "",
        scopes: Iterable[str] = seed.DEFAULT_SCOPES,
        events: Iterable[str] = seed.DEFAULT_EVENTS,
        commands: Iterable[str] = seed.DEFAULT_COMMANDS,
    ) -> None:
        self.bot_token = f"xoxb-sandbox-{secrets.token_hex(12)}"
        self.app_token = f"xapp-sandbox-{secrets.token_hex(12)}"
        self.signing_secret = secrets.token_hex(16)
        self.team_id = seed.TEAM
        self.world = World(kernel)
        self.limiter = Limiter(kernel.clock)
        self.http = SignedHttp(kernel.clock, self.signing_secret, app_url)
        self.sockets = SocketMode(kernel)
        self.responses = Responses(self.world)
        courier = Courier(kernel, self.http if mode == "http" else self.sockets)
        self.events = Events(kernel, courier, events)
        self._kernel = kernel
        self._look = Look(self.world, self.events)
        self._suggest = Suggestions(self.world, courier)
        self._slash = Slash(self.world, courier, self.responses, self.events, commands)
        self._click = Click(self.world, courier, self.responses, self._suggest)
        self._say = Say(self.world, self.events)
        self._modals = Modals(self.world, courier, self._suggest)
        self._admin = Admin(self.world, self.events, self.sockets)
        bot, opener = Token("bot", set(scopes)), Token("app", {"connections:write"})
        self.world.tokens |= {self.bot_token: bot, self.app_token: opener}
        self._scopes = Scopes(bot, opener)

    @property
    def app_url(self) -> str:
        """Base address of the app under test; may be set once it is known."""
        return self.http.app_url

    @app_url.setter
    def app_url(self, url: str) -> None:
        self.http.app_url = url

    def app(self) -> web.Application:
        """Web API, Socket Mode and response_urls, to be mounted at /slack."""
        api = WebApi(self.world, self.limiter, self.sockets.methods())
        uploads = Uploads(self.world)
        shapes = SlackShapes()
        app = web.Application(
            middlewares=[middleware(self._kernel, "slack", "/slack", shapes)],
            client_max_size=8 * 1024 * 1024,
        )
        app.add_routes(
            [
                web.get("/api/{method}", api.handle),
                web.post("/api/{method}", api.handle),
                web.get("/link", self.sockets.connect),
                web.post("/commands/{rest:.+}", self.responses.handle),
                web.post("/actions/{rest:.+}", self.responses.handle),
                web.post("/upload/v1/{way}", uploads.receive),
                web.get("/files/{id}", uploads.show),
                web.route("*", "/{rest:.*}", self._unknown),
            ]
        )
        app.on_shutdown.append(self._close_sockets)
        return app

    def drive_routes(self) -> list[web.RouteDef]:
        """What people do and see."""
        return [
            web.post("/drive/slash", answering(self._slash.handle)),
            web.post("/drive/say", answering(self._say.handle)),
            web.post("/drive/click", answering(self._click.handle)),
            web.post("/drive/options", answering(self._suggest.handle)),
            web.post("/drive/submit", answering(self._modals.submit)),
            web.post("/drive/close", answering(self._modals.close)),
            web.post("/drive/reload", answering(self._modals.reload)),
            web.post("/drive/channel", answering(self._admin.channel)),
            web.post("/drive/account", answering(self._admin.account)),
            web.post("/drive/socket", answering(self._admin.socket)),
            web.post("/drive/scope", answering(self._scopes.scope)),
            web.get("/drive/messages", answering(self._look.messages)),
            web.get("/drive/home", answering(self._look.home)),
            web.get("/drive/views", answering(self._look.views)),
            web.get("/drive/channels", answering(self._look.channels)),
            web.get("/drive/users", answering(self._look.users)),
        ]

    def set_member(self, group: str, user: str, *, present: bool) -> None:
        """Put somebody into a user group (by handle or id), or take them out.

        Raises:
            DriveError: there is no such group or person (a ValueError).
        """
        groups = self.world.groups.values()
        wanted = next((one for one in groups if group in {one.id, one.handle}), None)
        person = self.world.user(user)
        if wanted is None or person is None:
            raise DriveError(f"Slack does not know both group {group!r} and person {user!r}")
        if present == (person.id in wanted.users):
            return
        if present:
            wanted.users.append(person.id)
        else:
            wanted.users.remove(person.id)
        now = int(self._kernel.clock.time())
        self.events.emit(payloads.group_changed(wanted.id, person.id, present=present, now=now))
        self.events.emit(payloads.group_updated(wanted))

    def grant(self, *scopes: str) -> str:
        """A further bot token with just these scopes."""
        token = f"xoxb-sandbox-{secrets.token_hex(12)}"
        self.world.tokens[token] = Token("bot", set(scopes))
        return token

    def state(self) -> dict[str, Any]:
        """Messages per conversation, sockets and open modals."""
        modals = {self.world.users[user].name: len(s) for user, s in self.world.modals.items() if s}
        return {
            "messages": self.world.counts(),
            "sockets": self.sockets.connections,
            "modals": modals,
        }

    async def start(self) -> None:
        """Nothing runs on its own."""

    async def stop(self) -> None:
        """Close connections to the app."""
        await self.http.close()
        await self.sockets.close()

    async def reset(self) -> None:
        """A fresh workspace; tokens and open sockets stay, so the app goes on."""
        self.world.fresh()
        self._scopes.restore()
        self.limiter.clear()
        self.responses.clear()
        self._look.clear()

    async def _close_sockets(self, _app: web.Application) -> None:
        await self.sockets.close()

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        self._kernel.calls.refuse("slack", f"{request.method} {request.path}")
        return web.json_response({"error": f"unknown: {request.method} {request.path}"}, status=501)
