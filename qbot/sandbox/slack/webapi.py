"""The door of the Web API: method, token, rate, scope and arguments, in this order."""

import secrets

from aiohttp import web

from qbot.sandbox.slack import arguments
from qbot.sandbox.slack.arguments import Arguments
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.methods import chat, conversations, files, people, views, workspace
from qbot.sandbox.slack.methods.base import Invocation, Method
from qbot.sandbox.slack.model import Token
from qbot.sandbox.slack.tiers import METHODS as TIERS
from qbot.sandbox.slack.tiers import Limiter
from qbot.sandbox.slack.world import World

COMMON = frozenset({"token", "team_id"})
FAMILIES = (chat, conversations, files, people, views, workspace)


class WebApi:
    """`extra` are methods that other parts of the stand-in answer."""

    def __init__(self, world: World, limiter: Limiter, extra: dict[str, Method]) -> None:
        self._world = world
        self._limiter = limiter
        self._methods: dict[str, Method] = dict(extra)
        for family in FAMILIES:
            self._methods |= family.METHODS

    async def handle(self, request: web.Request) -> web.Response:
        """`GET` or `POST /api/<method>`."""
        name, scopes = request.match_info["method"], ""
        try:
            method = self._method(name)
            args = await arguments.read(request)
            token = self._token(request, args, method)
            scopes = ",".join(sorted(token.scopes))
            self._rate(name, token)
            self._check(name, method, token, args)
            call = Invocation(self._world, args, token, self._limiter)
            answer = {"ok": True, **method.run(call)}
        except ApiError as error:
            return refusal(error, scopes)
        return web.json_response(answer, headers=_headers(scopes))

    def _method(self, name: str) -> Method:
        if name not in self._methods:
            self._world.kernel.calls.refuse("slack", f"method {name}")
            raise ApiError("unknown_method", req_method=name)
        return self._methods[name]

    def _token(self, request: web.Request, args: Arguments, method: Method) -> Token:
        header = request.headers.get("Authorization", "")
        form = "" if request.content_type == "application/json" else args.text("token")
        given = header.removeprefix("Bearer ").strip() or form
        if not given:
            raise ApiError("not_authed")
        token = self._world.tokens.get(given)
        if token is None:
            raise ApiError("invalid_auth")
        if token.revoked:
            raise ApiError("token_revoked")
        if token.kind != method.kind:
            raise ApiError("not_allowed_token_type")
        return token

    def _rate(self, name: str, token: Token) -> None:
        if wait := self._limiter.take(f"{name} {token.kind}", TIERS[name]):
            raise ApiError("ratelimited", retry_after=wait)

    def _check(self, name: str, method: Method, token: Token, args: Arguments) -> None:
        if method.scopes and not token.scopes.intersection(method.scopes):
            provided = ",".join(sorted(token.scopes))
            raise ApiError("missing_scope", needed=",".join(method.scopes), provided=provided)
        for unknown in sorted(args.names() - method.arguments - COMMON):
            # Slack ignores what it does not know; a misspelt argument should still be noticed.
            self._world.kernel.calls.refuse("slack", f"argument {unknown} of {name}")


def refusal(error: ApiError, scopes: str = "") -> web.Response:
    """`ok: false` with HTTP 200, and 429 for rate limits alone."""
    extra = dict(error.extra)
    headers, status = _headers(scopes), 200
    if (wait := extra.pop("retry_after", None)) is not None:
        status = 429
        headers["Retry-After"] = str(wait)
    body = {"ok": False, "error": error.code, **extra}
    return web.json_response(body, status=status, headers=headers)


def _headers(scopes: str) -> dict[str, str]:
    headers = {"x-slack-req-id": secrets.token_hex(16), "Cache-Control": "private, no-store"}
    return headers | ({"x-oauth-scopes": scopes} if scopes else {})
