"""Slack's HTTP mode: one signed endpoint for commands, buttons, forms and events.

The signature is checked here, over the bytes as they came and before anything decodes them. Bolt's
own check comes too late for that: a body that is no JSON, a timestamp that is no number or a
signature outside ASCII makes it raise. It also knows no clock but the machine's.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

log = structlog.get_logger()
PATH = "/slack/events"
MAX_BODY = 1024 * 1024  # bytes; Slack's own payloads stay well below
FRESH = 300  # seconds that a signature is good for, either way
_STAMP_DIGITS = 12
_PASSED_ON = ("Content-Type", "X-Slack-Retry-Num", "X-Slack-Retry-Reason")


def signed(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """Whether Slack signed this body lately: docs.slack.dev, "Verifying requests from Slack"."""
    stamp = headers.get("X-Slack-Request-Timestamp", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= _STAMP_DIGITS):
        return False
    if abs(now.timestamp() - int(stamp)) > FRESH:
        return False
    base = b"v0:" + stamp.encode() + b":" + body
    wanted = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    given = headers.get("X-Slack-Signature", "")
    return hmac.compare_digest(wanted.encode(), given.encode(errors="surrogateescape"))


def slack_app(
    bolt: AsyncApp, *, secret: str, now: Callable[[], datetime], refused: Callable[[str], None]
) -> web.Application:
    """`refused` is told the reason of each request that is turned away.

    Raises:
        ValueError: an empty secret, with which anybody could sign.
    """
    if not secret:
        raise ValueError("a signing secret is needed")

    def turn_away(status: int, reason: str) -> web.Response:
        # Counted only: without Slack's signature anybody could fill the audit log, and in
        # whose name they liked. Who is refused behind a signature is audited by the guard.
        refused(reason)
        return web.Response(status=status)

    async def receive(request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return turn_away(413, "too-large")
        if not signed(secret, request.headers, body, now=now()):
            return turn_away(401, "signature")
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        try:
            asked = AsyncBoltRequest(body=body.decode(), headers={**headers})
            answer = await bolt.async_dispatch(asked)
        except Exception as error:  # noqa: BLE001  (listeners never raise: Bolt cannot read it)
            log.warning("signed request cannot be read", error=type(error).__name__)
            return turn_away(400, "malformed")
        if answer.status == web.HTTPBadRequest.status_code:
            refused("malformed")
        return await to_aiohttp_response(answer)

    app = web.Application(client_max_size=MAX_BODY)
    app.add_routes([web.post(PATH, receive)])
    return app
