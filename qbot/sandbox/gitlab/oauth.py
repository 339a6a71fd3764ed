"""Signing in with GitLab: one registered application, the authorization code flow, its tokens.

Who is signed in, a session knows in a real GitLab; here the page asks. Errors as in RFC 6749,
worded as Doorkeeper words them.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from qbot.sandbox.gitlab.model import User
from qbot.sandbox.gitlab.world import World

_SCOPES = frozenset({"api", "read_api", "read_user", "openid", "profile", "email"})
_CODE_LIVES, _TOKEN_LIVES = timedelta(minutes=10), timedelta(hours=2)
_ASKED = ("client_id", "redirect_uri", "scope", "state", "code_challenge")
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Authorize {name}</title></head>
<body><h1>{name} wants to know who you are</h1>
<form method="post" action="authorize">{hidden}
<p><label>You are signed in as <select name="user">{people}</select></label></p>
<button name="answer" value="authorize">Authorize</button>
<button name="answer" value="deny">Deny</button>
</form></body></html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_TEXTS = {
    "invalid_client": "Client authentication failed due to unknown client, no client "
    "authentication included, or unsupported authentication method.",
    "invalid_grant": "The provided authorization grant is invalid, expired, revoked, does not "
    "match the redirection URI used in the authorization request, or was issued to another client.",
    "unauthorized_client": "You are not authorized to revoke this token",
    "invalid_scope": "The requested scope is invalid, unknown, or malformed.",
    "unsupported_grant_type": "The authorization grant type is not supported by the "
    "authorization server.",
    "unsupported_response_type": "The authorization server does not support this response type.",
    "access_denied": "The resource owner or authorization server denied the request.",
}


@dataclass(slots=True)
class Application:
    """What an administrator registered; `redirect_uris` are compared whole."""

    name: str
    client_id: str
    secret: str
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...] = ("read_user",)


@dataclass(frozen=True, slots=True)
class _Grant:
    user: User
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    until: datetime


class OAuth:
    """The pages and endpoints below `/oauth`."""

    def __init__(self, world: World, application: Application) -> None:
        self._world = world
        self.application = application
        self._grants: dict[str, _Grant] = {}
        self._issued: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.get("/oauth/authorize", self._ask),
            web.post("/oauth/authorize", self._decide),
            web.post("/oauth/token", self._exchange),
            web.post("/oauth/revoke", self._revoke),
        ]

    def clear(self) -> None:
        """Forget the codes that nobody has used yet."""
        self._grants.clear()

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        """The page on which somebody says yes or no."""
        query = request.query
        if (refusal := self._refusal(query)) is not None:
            return refusal
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(query.get(name, ""))}">'
            for name in _ASKED
        )
        humans = [u for u in self._world.users.values() if not (u.bot or u.admin)]
        people = "".join(
            f'<option value="{escape(u.username)}">{escape(u.name)}</option>' for u in humans
        )
        page = _PAGE.format(name=escape(self.application.name), hidden=hidden, people=people)
        return web.Response(text=page, content_type="text/html", headers=_HEADERS)

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if (refusal := self._refusal(form | {"response_type": "code"})) is not None:
            return refusal
        user = self._world.user(form.get("user", ""))
        if user is None:
            return web.Response(status=422, text="nobody of this name is signed in")
        if form.get("answer") != "authorize":
            return _back(form, error="access_denied", error_description=_TEXTS["access_denied"])
        code = secrets.token_hex(32)
        self._grants[code] = _Grant(
            user,
            form["redirect_uri"],
            self._scopes(form),
            form.get("code_challenge", ""),
            self._world.now() + _CODE_LIVES,
        )
        return _back(form, code=code)

    def _refusal(self, asked: Mapping[str, str]) -> web.StreamResponse | None:
        """Told to the person where the address to go back to cannot be trusted."""
        known = asked.get("client_id") == self.application.client_id
        if not known or asked.get("redirect_uri") not in self.application.redirect_uris:
            text = _TEXTS["invalid_client"] if not known else (
                "The redirect URI included is not valid."
            )  # fmt: skip
            return web.Response(status=401 if not known else 400, text=text, headers=_HEADERS)
        if asked.get("response_type") != "code":
            return _refused(asked, "unsupported_response_type")
        allowed = _SCOPES & set(self.application.scopes)
        if not set(self._scopes(asked)) <= allowed:
            return _refused(asked, "invalid_scope")
        return None

    def _scopes(self, asked: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(asked.get("scope", "").split()) or self.application.scopes

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        """A code, once, for a token."""
        data = await _body(request)
        if not self._is_known(request, data):
            return _error(401, "invalid_client")
        if data.get("grant_type") != "authorization_code":
            return _error(400, "unsupported_grant_type")
        grant = self._grants.pop(data.get("code", ""), None)
        if (
            grant is None
            or grant.until < self._world.now()
            or grant.redirect_uri != data.get("redirect_uri")
            or not _verified(grant.challenge, data.get("code_verifier", ""))
        ):
            return _error(400, "invalid_grant")
        return self._token(grant)

    async def _revoke(self, request: web.Request) -> web.StreamResponse:
        """RFC 7009: a token that nobody knows, or another kind of token, is no error."""
        data = await _body(request)
        if not self._is_known(request, data):
            return _error(403, "unauthorized_client")
        secret = data.get("token", "")
        if secret in self._issued and (token := self._world.token(secret)):
            token.revoked = True
        return web.json_response({})

    def _is_known(self, request: web.Request, data: Mapping[str, str]) -> bool:
        client_id, secret = _client(request, data)
        return client_id == self.application.client_id and hmac.compare_digest(
            secret.encode(), self.application.secret.encode()
        )

    def _token(self, grant: _Grant) -> web.StreamResponse:
        token = self._world.add_token(secrets.token_hex(32), grant.user, grant.scopes)
        self._issued.add(token.secret)
        token.expires_at = self._world.now() + _TOKEN_LIVES
        body = {
            "access_token": token.secret,
            "token_type": "Bearer",
            "expires_in": int(_TOKEN_LIVES.total_seconds()),
            "refresh_token": secrets.token_hex(32),
            "scope": " ".join(grant.scopes),
            "created_at": int(self._world.now().timestamp()),
        }
        return web.json_response(body, headers={"Cache-Control": "no-store"})


async def _body(request: web.Request) -> dict[str, str]:
    found: Mapping[str, Any]
    if request.content_type == "application/json":
        found = await request.json()
    else:
        found = await request.post()
    return {name: str(value) for name, value in found.items()}


def _client(request: web.Request, data: Mapping[str, str]) -> tuple[str, str]:
    kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return data.get("client_id", ""), data.get("client_secret", "")
    client_id, _, secret = b64decode(encoded).decode(errors="replace").partition(":")
    return client_id, secret


def _verified(challenge: str, verifier: str) -> bool:
    """Proof Key for Code Exchange, method S256."""
    if not challenge:
        return True
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)


def _refused(asked: Mapping[str, str], error: str) -> web.StreamResponse:
    return _back(asked, error=error, error_description=_TEXTS[error])


def _back(asked: Mapping[str, str], **told: str) -> web.StreamResponse:
    """Send the browser back to the application."""
    if state := asked.get("state"):
        told["state"] = state
    location = f"{asked['redirect_uri']}?{urlencode(told)}"
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _error(status: int, error: str) -> web.StreamResponse:
    body = {"error": error, "error_description": _TEXTS[error]}
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})
