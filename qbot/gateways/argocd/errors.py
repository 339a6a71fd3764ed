"""What Argo CD, a proxy before it or the network answered -> who has to act.

Sources: Argo CD `server/application/application.go`, `server/project/project.go`,
`util/grpc/errors.go`; grpc-gateway v1 `runtime/errors.go`. Many users' mistakes arrive as 400
or even 500, so the message decides where the status cannot.
"""

import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from qbot.domain.obstacles import is_passing
from qbot.errors import PermanentError, QbotError, TransientError, UserError
from qbot.redaction import redact

_LONGEST = 500
_NOT_FOUND = 5  # gRPC
_READ = 10_000  # characters of an error page
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_VERBOSE = re.compile(r"permission denied: ([^,]+), ([^,]+), ([^,]+?)(?:, sub: .*)?$", re.DOTALL)
_SPEC = re.compile(r"application spec for \S+ is invalid: ", re.IGNORECASE)
_RIGHTS = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "sync": "sync",
    "terminate": "sync",
}
_WAIT = (
    "another operation is already in progress",
    "application is deleting",
    "is referenced by",
)


HTTPX = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict)
"""Everything that httpx raises."""


class NotThereError(Exception):
    """Argo CD names the very thing that was asked for and says that it does not exist."""


class DiffersError(Exception):
    """A thing of that name exists and is not the same."""


class NothingRunsError(Exception):
    """There is no sync to terminate."""


class DyingError(TransientError):
    """It is being deleted, and takes no finalizer that it does not have."""


class NotBegunError(TransientError):
    """The server took the connection of a stream and never said a word."""


class DoubtfulError(PermanentError):
    """Probably for good, but Argo CD says the same in passing: worth a few more tries."""


class UnseenError(DoubtfulError):
    """The AppProject was made a moment ago and this server has not seen it yet."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call was about, for its errors."""

    what: str  # for instance "create the Application qbot-x-cart"
    name: str  # of the thing
    setting: str  # prefix of the settings of this instance, QBOT_ARGOCD__MAIN__
    persons: bool = False  # a refusal is about somebody's chart or commit

    @property
    def call(self) -> str:
        """How errors begin."""
        return f"Argo CD could not {self.what}"


@dataclass(frozen=True, slots=True)
class Said:
    """An error body, whoever wrote it."""

    code: int | None  # gRPC's; None: not Argo CD itself
    message: str


def said(response: httpx.Response) -> Said:
    """The message of an error response: JSON of the gateway, HTML of a proxy, or plain text."""
    kind = response.headers.get("content-type", "")
    if kind.startswith("application/json"):
        found = _json(response)
        if isinstance(found, dict) and isinstance(found.get("code"), int):
            return Said(found["code"], _cut(str(found.get("message") or found.get("error") or "")))
    text = response.text[:_READ]
    if "html" in kind:
        title = _TITLE.search(text)
        return Said(None, _cut(title[1] if title else "an HTML page"))
    return Said(None, _cut(text))


def refusal(response: httpx.Response, asked: Asked) -> Exception:
    """The exception for a response that is no success."""
    body, status = said(response), response.status_code
    told = f"{asked.call}: {status} {body.message}".rstrip()
    match status:
        case 401:
            return PermanentError(
                f"Argo CD refuses the token ({body.message}): {asked.setting}TOKEN needs a new one."
            )
        case 400:
            return _bad_request(body, asked, told)
        case 403:
            return _forbidden(body, asked, told)
        case 404 if body.code is not None:
            return _missing(body, asked, told)
        case 429:
            return _too_much(response, body, told)
        case 501:
            return PermanentError(told)
        case 408 | 409:  # gRPC Canceled and Aborted: somebody else wrote at the same moment
            return TransientError(told)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return TransientError(told, retry_after=_retry_after(response))
        case _:
            return _misled(body, asked, told)


def _missing(body: Said, asked: Asked, told: str) -> Exception:
    """Absence is proven only by Argo CD's own words about this very thing."""
    if body.code == _NOT_FOUND and asked.name and f'"{asked.name}" not found' in body.message:
        return NotThereError(told)
    return DoubtfulError(told)


def _misled(body: Said, asked: Asked, told: str) -> QbotError:
    """A redirect, or a 404, 405 or 415 that Argo CD's API never gives to these calls."""
    if body.message == "Invalid content type":
        return PermanentError(f"{told}: something on the way changes the Content-Type header.")
    return PermanentError(f"{told}: is {asked.setting}URL the root of Argo CD?")


def _forbidden(body: Said, asked: Asked, told: str) -> QbotError:
    if "blocked by sync window" in body.message:
        return TransientError(f"{told}: a sync window is closed.", retry_after=60)
    if found := _VERBOSE.match(body.message):
        line = f"p, role:qbot, {found[1]}, {found[2]}, {found[3]}, allow"
        return PermanentError(
            f"{asked.call}: Qbot's role lacks a right in argocd-rbac-cm: `{line}`"
        )
    if body.code is None:
        return PermanentError(f"{told} (not from Argo CD itself)")
    # Argo CD names a right only to who may see the thing itself.
    kind = "projects" if "AppProject" in asked.what else "applications"
    needed = dict.fromkeys(("get", _RIGHTS.get(asked.what.partition(" ")[0], "get")))
    rights = " or ".join(f"`{kind}, {right}`" for right in needed)
    return DoubtfulError(
        f"{told}: Qbot's role lacks {rights} in argocd-rbac-cm, or Argo CD cannot read it"
    )


def _too_much(response: httpx.Response, body: Said, told: str) -> QbotError:
    if "larger than max" in body.message:
        return DoubtfulError(f"{told}: the answer is too large; raise ARGOCD_GRPC_MAX_SIZE_MB.")
    return TransientError(told, retry_after=_retry_after(response))


def _bad_request(body: Said, asked: Asked, told: str) -> Exception:
    text = body.message
    if "is different, use upsert" in text or "is different; use upsert" in text:
        return DiffersError(told)
    if "No operation is in progress" in text:
        return NothingRunsError(told)
    if "is not allowed in project" in text and "or the project does not exist" in text:
        return UnseenError(told)
    if "no new finalizers can be added" in text:
        return DyingError(told)
    if any(words in text for words in _WAIT) or is_passing(text):
        return TransientError(told)
    if body.code is None:
        return PermanentError(told)
    if "application destination spec" in text or "auto-sync currently set to" in text:
        return PermanentError(told)
    if asked.persons:
        return UserError(f"Argo CD refuses {asked.name}: {_SPEC.sub('', text)}")
    return PermanentError(told)


def broken_call(error: Exception, asked: Asked) -> QbotError:
    """The exception for a call that got no answer; `error` is httpx's or a TimeoutError."""
    told = f"{asked.call}: {_in_words(error)}"
    if _is_certificate(error):
        return PermanentError(f"{told}: set {asked.setting}CA_FILE if the authority is your own.")
    match error:
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return PermanentError(f"{told}: {asked.setting}URL is not an address.")
        case httpx.LocalProtocolError():
            # Not quoted: h11 repeats the header that it refuses, and that is the token.
            return PermanentError(
                f"{asked.call}: a header is malformed; check {asked.setting}TOKEN."
            )
        case TimeoutError() | httpx.TransportError() | httpx.DecodingError():
            return TransientError(told)
        case _:
            return PermanentError(told)


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "it does not answer in time"
    if isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError):
        return "the connection was lost"
    return str(error).strip().rstrip(".") or type(error).__name__


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _cut(text: str) -> str:
    text = redact(" ".join(text.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
