"""Jobs that are one HTTP request: deployment hooks, announcements, checks of an environment."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

import httpx

from qbot.domain.jobs import HttpJob, filled
from qbot.errors import NotTakenError, PermanentError
from qbot.gateways.trust import trusting
from qbot.redaction import MASK, redact

_MOST = 4_096  # bytes of an answer that are looked at
_READ = 1_000  # characters of it that are cleaned
_LONGEST = 200  # characters of it that people are shown
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_GATEWAYS = frozenset(  # said by who stands before the server, whatever that has done
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
_NOT_KNOWN = "Whether it ran is not known: look before it is run again."


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back; `note` is outside text without the job's secret."""

    passed: bool
    note: str


class HttpJobs:
    """Sends requests.

    Args:
        http: follows no redirect: a bearer token goes where qbot.yaml says and nowhere else.
        secrets: bearer tokens by the names that qbot.yaml calls them by.
    """

    def __init__(self, *, http: httpx.AsyncClient, secrets: Mapping[str, str]) -> None:
        self._http = http
        self._secrets = secrets

    async def call(
        self, name: str, job: HttpJob, values: Mapping[str, str], *, key: str, within: float
    ) -> Answered:
        """Send one request; a 2xx answer has passed.

        Args:
            name: of the job, for errors.
            job: what to send.
            values: fill the braces. In the URL they are quoted, all but `url`, which is one.
            key: sent as Idempotency-Key: the same for each repetition.
            within: seconds for the whole answer.

        Returns:
            What the server said. Where a request may have been received and no word of it came
            back, that is a failure, whose note says that nobody knows what has been done.

        Raises:
            NotTakenError: surely nobody received it: no connection, or the server asks to come
                again later. The only failures after which it may be sent once more.
            PermanentError: a setting is missing or no address.
        """
        secret = self._secret(name, job)
        request = self._request(name, job, values, key, secret)
        try:
            async with asyncio.timeout(within):
                status, reason, text, after = await self._send(request)
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout):
            why = f"There was no answer within {within:.0f} s."
            return Answered(passed=False, note=f"{why} {_NOT_KNOWN}")
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            # Not quoted: what is malformed may be the header with the token.
            raise PermanentError(
                f"The job {name} cannot be sent ({type(error).__name__}): "
                "look at its url in qbot.yaml and at its secret."
            ) from None
        except _UNSENT as error:
            raise NotTakenError(f"The job {name}: {type(error).__name__}") from None
        except httpx.TransportError as error:
            why = f"The connection was lost ({type(error).__name__})."
            return Answered(passed=False, note=f"{why} {_NOT_KNOWN}")
        note = f"{status} {reason}: {_clean(text, secret)}".rstrip(": ")
        if _is_later(status, after):
            raise NotTakenError(f"The job {name}: {note}", retry_after=after)
        if status in _GATEWAYS:
            note = f"{note}. {_NOT_KNOWN}"
        return Answered(passed=httpx.codes.is_success(status), note=note)

    def _secret(self, name: str, job: HttpJob) -> str:
        if not job.secret:
            return ""
        secret = self._secrets.get(job.secret)
        if not secret:
            setting = f"QBOT_JOBS__{job.secret.upper()}"
            raise PermanentError(f"The job {name} needs {setting}, which is not set.")
        return secret

    def _request(
        self, name: str, job: HttpJob, values: Mapping[str, str], key: str, secret: str
    ) -> httpx.Request:
        quoted = {k: v if k == "url" else quote(v, safe="") for k, v in values.items()}
        headers = {"Idempotency-Key": key}
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        body = {field: filled(text, values) for field, text in job.body.items()}
        try:
            return self._http.build_request(
                job.method, filled(job.url, quoted), headers=headers, json=body or None
            )
        except (httpx.InvalidURL, UnicodeError):
            raise PermanentError(
                f"The job {name} cannot be sent: its url or its secret is malformed."
            ) from None

    async def _send(self, request: httpx.Request) -> tuple[int, str, str, float | None]:
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            data = b""
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) >= _MOST:
                    break
        except httpx.DecodingError:
            data = b""
        finally:
            await response.aclose()
        after = response.headers.get("retry-after", "")
        text = data[:_MOST].decode(errors="replace")
        seconds = float(after) if after.isdecimal() else None
        return response.status_code, response.reason_phrase, text, seconds

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _is_later(status: int, after: float | None) -> bool:
    """Whether the server refused to take it now."""
    busy = status == HTTPStatus.SERVICE_UNAVAILABLE and after is not None
    return busy or status == HTTPStatus.TOO_MANY_REQUESTS


def _clean(text: str, secret: str) -> str:
    """In one line, cut, and without the token, in case that the server repeats what it got."""
    if secret:
        text = text.replace(secret, MASK).replace(json.dumps(secret)[1:-1], MASK)
    # Cut first: where the answer itself was cut a part of the token may stand.
    text = redact(" ".join(text[:_READ].split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def open_http_jobs(secrets: Mapping[str, str]) -> HttpJobs:
    """Build it; nothing is sent yet. Close it when done."""
    timeout = httpx.Timeout(None, connect=10)
    # A connection that is kept may be closed just as it is used: then nobody knows, either.
    limits = httpx.Limits(max_keepalive_connections=0)
    http = httpx.AsyncClient(
        verify=trusting(), timeout=timeout, limits=limits, follow_redirects=False
    )
    return HttpJobs(http=http, secrets=secrets)
