"""Slack's HTTP mode: one signed endpoint for commands, buttons, forms and events.

The signature is checked here, over the bytes as they came and before anything decodes them. Bolt's
own check comes too late for that: a body that is no JSON, a timestamp that is no number or a
signature outside ASCII makes it raise. It also knows no clock but the machine's. What cannot be
right by its headers alone is refused before a byte of its body is read.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from qbot.web.bodies import Bodies, RefusedBodyError

log = structlog.get_logger()
PATH = "/slack/events"
MAX_BODY = 1024 * 1024  # bytes; Slack's own payloads stay well below
PATIENCE = 3.0  # seconds; Slack gives up after as many
FRESH = 300  # seconds that a signature is good for, either way
_STAMP_DIGITS = 12
_SIGNATURE = re.compile(rb"v0=[0-9a-f]{64}")
_PASSED_ON = ("Content-Type", "X-Slack-Retry-Num", "X-Slack-Retry-Reason")


def beforehand(headers: Mapping[str, str], *, now: datetime) -> bool:
    """Whether a body could make this a request of Slack's: signed in form, and lately."""
    stamp = headers.get("X-Slack-Request-Timestamp", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= _STAMP_DIGITS):
        return False
    if abs(now.timestamp() - int(stamp)) > FRESH:
        return False
    return _SIGNATURE.fullmatch(_signature(headers)) is not None


def signed(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """Whether Slack signed this body lately: docs.slack.dev, "Verifying requests from Slack"."""
    if not beforehand(headers, now=now):
        return False
    base = b"v0:" + headers["X-Slack-Request-Timestamp"].encode() + b":" + body
    wanted = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), _signature(headers))


def _signature(headers: Mapping[str, str]) -> bytes:
    return headers.get("X-Slack-Signature", "").encode(errors="surrogateescape")


def slack_app(
    bolt: AsyncApp,
    *,
    secret: str,
    now: Callable[[], datetime],
    refused: Callable[[str], None],
    bodies: Bodies | None = None,
) -> web.Application:
    """`refused` is told the reason of each request that is turned away.

    Raises:
        ValueError: an empty secret, with which anybody could sign.
    """
    if not secret:
        raise ValueError("a signing secret is needed")
    reading = bodies or Bodies(most=MAX_BODY, patience=PATIENCE)

    def turn_away(status: int, reason: str) -> web.Response:
        # Counted only: without Slack's signature anybody could fill the audit log, and in
        # whose name they liked. Who is refused behind a signature is audited by the guard.
        refused(reason)
        return web.Response(status=status)

    async def receive(request: web.Request) -> web.StreamResponse:
        if not beforehand(request.headers, now=now()):
            return turn_away(401, "signature")
        try:
            body = await reading.read(request)
        except RefusedBodyError as error:
            return turn_away(error.status, error.reason)
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
