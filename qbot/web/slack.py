"""Slack's HTTP mode: one signed endpoint for commands, buttons, forms and events."""

from collections.abc import Callable

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

PATH = "/slack/events"
MAX_BODY = 1024 * 1024  # bytes; Slack's own payloads stay well below


def slack_app(bolt: AsyncApp, refused: Callable[[str], None]) -> web.Application:
    """`refused` is told the reason of each request that is turned away."""

    async def receive(request: web.Request) -> web.StreamResponse:
        # Bolt answers 500 to a timestamp that is not a number; a forged request deserves a 401.
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        if not (stamp.isascii() and stamp.isdigit()):
            refused("signature")
            return web.Response(status=401)
        try:
            bolt_request = await to_bolt_request(request)
        except UnicodeDecodeError:
            refused("encoding")
            return web.Response(status=400)
        response = await to_aiohttp_response(await bolt.async_dispatch(bolt_request))
        if response.status == web.HTTPUnauthorized.status_code:
            refused("signature")
        return response

    app = web.Application(client_max_size=MAX_BODY)
    app.add_routes([web.post(PATH, receive)])
    return app
