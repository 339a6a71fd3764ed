"""Socket Mode (https://docs.slack.dev/apis/events-api/using-socket-mode/).

A ticket opens one socket, an app has at most ten; each envelope goes to any one of them.
"""

import asyncio
import json
import random
import secrets
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from qbot.sandbox.kernel import Kernel
from qbot.sandbox.slack import seed
from qbot.sandbox.slack.delivery.outcome import Delivery, Outcome, Retry, within_patience
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.methods.base import Invocation, Method
from qbot.sandbox.slack.model import Json

MOST_SOCKETS = 10
TYPES = {"slash": "slash_commands", "event": "events_api"}
ANSWERED = frozenset({"slash", "view", "options"})  # whose ack may carry a payload


@dataclass(slots=True)
class _Waiting:
    ack: asyncio.Future[Json | None]
    accepts: bool


class SocketMode:
    """The sockets of the one app."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._tickets: set[str] = set()
        self._sockets: list[web.WebSocketResponse] = []
        self._waiting: dict[str, _Waiting] = {}

    @property
    def connections(self) -> int:
        """How many sockets are open."""
        return len(self._sockets)

    def methods(self) -> dict[str, Method]:
        """The Web API method that hands out tickets."""
        return {"apps.connections.open": Method(self._open, ("connections:write",), kind="app")}

    def _open(self, call: Invocation) -> Json:
        if call.args.names() - {"token", "debug_reconnects"}:
            raise ApiError("invalid_arguments")
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        root = self._kernel.url.replace("http", "ws", 1)
        return {"url": f"{root}/slack/link?ticket={ticket}&app_id={seed.APP}"}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """`GET /link?ticket=...`: one socket until it closes."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="invalid ticket")
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        if len(self._sockets) >= MOST_SOCKETS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        self._sockets.append(socket)
        try:
            await socket.send_json(self._hello())
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acked(message.data)
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
        return socket

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._sockets),
            "connection_info": {"app_id": seed.APP},
            "debug_info": {
                "host": "applink-sandbox",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
        }

    def _acked(self, text: str) -> None:
        try:
            ack = json.loads(text)
            envelope = ack["envelope_id"]
        except (ValueError, KeyError, TypeError):
            self._kernel.calls.refuse("slack", "a socket message without envelope_id")
            return
        waiting = self._waiting.get(envelope)
        if waiting is None or waiting.ack.done():
            return  # too late, or a second time: Slack says nothing
        payload = ack.get("payload") or None
        if payload is not None and not waiting.accepts:
            self._kernel.calls.refuse("slack", "an ack with a payload that Slack does not accept")
        waiting.ack.set_result(payload if waiting.accepts else None)

    async def send(self, kind: Delivery, payload: Json, retry: Retry | None) -> Outcome:
        """Deliver on any one socket."""
        envelope: Json = {
            "envelope_id": secrets.token_hex(16),
            "type": TYPES.get(kind, "interactive"),
            "payload": payload,
            "accepts_response_payload": kind in ANSWERED,
        }
        if kind == "event":
            envelope["retry_attempt"] = retry.number if retry else 0
            envelope["retry_reason"] = retry.reason if retry else ""
        return await within_patience(self._kernel.clock, self._send(envelope))

    async def _send(self, envelope: Json) -> Outcome:
        started = self._kernel.clock.time()
        if not self._sockets:
            return Outcome(0, 0.0, error="dispatch_failed", reason="connection_failed")
        ack: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(ack, envelope["accepts_response_payload"])
        self._waiting[envelope["envelope_id"]] = waiting
        try:
            try:
                await random.choice(self._sockets).send_json(envelope)
            except ConnectionError:
                return Outcome(0, 0.0, error="dispatch_failed", reason="connection_failed")
            body = await ack
        finally:
            del self._waiting[envelope["envelope_id"]]
        return Outcome(200, (self._kernel.clock.time() - started) * 1000, body)

    async def disconnect(self, reason: str) -> None:
        """Tell every socket `warning`, `refresh_requested` or `link_disabled`.

        After a warning the sockets stay open for now, otherwise Slack closes them.
        """
        for socket in list(self._sockets):
            await socket.send_json({"type": "disconnect", "reason": reason})
            if reason != "warning":
                self._sockets.remove(socket)
                _ = self._kernel.spawn(socket.close(), "slack: close a socket")

    async def close(self) -> None:
        """Close every socket."""
        for socket in list(self._sockets):
            await socket.close()
