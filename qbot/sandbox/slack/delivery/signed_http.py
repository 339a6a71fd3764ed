"""Signed requests to the app's one URL.

Signature: https://docs.slack.dev/authentication/verifying-requests-from-slack/. What a person
is told about a failure other than operation_timeout is unconfirmed.
"""

import hashlib
import hmac
import json
from urllib.parse import urlencode

import aiohttp

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.slack.delivery.outcome import Delivery, Outcome, Retry, within_patience
from qbot.sandbox.slack.model import Json

AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of X-Slack-Signature."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class SignedHttp:
    """`app_url` is the app's base address; everything goes to `{app_url}/slack/events`."""

    def __init__(self, clock: SandboxClock, secret: str, app_url: str) -> None:
        self._clock = clock
        self._secret = secret
        self.app_url = app_url
        self._session: aiohttp.ClientSession | None = None

    async def send(self, kind: Delivery, payload: Json, retry: Retry | None) -> Outcome:
        """Deliver once; anything but 200 within three seconds is a failure."""
        if kind == "event":
            body, content_type = json.dumps(payload).encode(), "application/json"
        else:
            form = payload if kind == "slash" else {"payload": json.dumps(payload)}
            body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        headers = self._headers(body, content_type)
        if retry is not None:
            headers |= {
                "X-Slack-Retry-Num": str(retry.number),
                "X-Slack-Retry-Reason": retry.reason,
            }
        return await within_patience(self._clock, self._post(body, headers))

    async def verify_url(self, challenge: str) -> bool:
        """Send url_verification, as when the request URL is entered in the app's settings."""
        payload = {"type": "url_verification", "challenge": challenge, "token": "unused"}
        outcome = await self.send("event", payload, None)
        return outcome.body in ({"challenge": challenge}, {"text": challenge})

    async def close(self) -> None:
        """Close the connections kept alive."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _headers(self, body: bytes, content_type: str) -> dict[str, str]:
        timestamp = str(int(self._clock.time()))
        return {
            "Content-Type": content_type,
            "User-Agent": AGENT,
            "Accept": "application/json,*/*",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self._secret, timestamp, body),
        }

    async def _post(self, body: bytes, headers: dict[str, str]) -> Outcome:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        started = self._clock.time()
        url = f"{self.app_url}/slack/events"
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, OSError, ValueError):
            ms = (self._clock.time() - started) * 1000
            return Outcome(0, ms, error="dispatch_failed", reason="connection_failed")
        ms = (self._clock.time() - started) * 1000
        if answer.status != 200:
            no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
            return Outcome(answer.status, ms, None, "dispatch_failed", "http_error", no_retry)
        return _answered(ms, text, answer.content_type)


def _answered(ms: float, text: str, content_type: str) -> Outcome:
    """JSON by its content type, else plain text, which stands for `{"text": ...}`."""
    if not text.strip():
        return Outcome(200, ms)
    if content_type != "application/json":
        return Outcome(200, ms, {"text": text})
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return Outcome(200, ms, error="invalid_command_response", reason="http_error")
    return Outcome(200, ms, body)
