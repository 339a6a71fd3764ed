"""How Slack's front end words a failure that was ordered."""

from aiohttp import web

from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.webapi import refusal

# Slack answers problems of rights with HTTP 200; which code is meant is a choice.
CODES = {401: "invalid_auth", 403: "access_denied", 404: "channel_not_found"}
BROKEN = {500: "internal_error", 503: "service_unavailable"}


class SlackShapes:
    """https://docs.slack.dev/apis/web-api/rate-limits/ and the common errors of the methods."""

    def __init__(self) -> None:
        self._as_text = False

    def error(self, status: int) -> web.Response:
        """Rights: `ok: false` with HTTP 200. Rate limits: 429, by turns as JSON or as text."""
        if status == 429:
            self._as_text = not self._as_text
            if self._as_text:
                return web.Response(
                    status=429, text="Too Many Requests", headers={"Retry-After": "10"}
                )
            return refusal(ApiError("ratelimited", retry_after=10))
        if status in CODES:
            return refusal(ApiError(CODES[status]))
        return web.json_response({"ok": False, "error": BROKEN[status]}, status=status)
