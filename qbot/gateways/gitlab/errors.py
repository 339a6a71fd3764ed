"""What goes wrong with GitLab -> who must act. Pure.

GitLab words its errors in five ways: `message` as text, as a list or as field -> list, `error`,
and plain text or HTML from whatever stands before it. python-gitlab picks `message`, else
`error`, else the bytes; what it picked arrives here as `error_message`.
"""

import json
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import gitlab.exceptions as vendor
import requests

from qbot.errors import NotTakenError, PermanentError, TransientError
from qbot.redaction import redact

BRANCH_ABSENT = "404 Branch Not Found"
COMMIT_ABSENT = "404 Commit Not Found"
FILE_ABSENT = "404 File Not Found"
REF_ABSENT = "404 Ref Not Found"
TAG_ABSENT = "404 Tag Not Found"
MERGE_BASE_ABSENT = "404 Merge Base Not Found"
GROUP_ABSENT = "404 Group Not Found"
USER_ABSENT = "404 User Not Found"
PROJECT_ABSENT = "404 Project Not Found"
_THINGS = {
    BRANCH_ABSENT,
    COMMIT_ABSENT,
    FILE_ABSENT,
    REF_ABSENT,
    TAG_ABSENT,
    MERGE_BASE_ABSENT,
    USER_ABSENT,
}

_SHOWN = 200  # characters of GitLab's own words that go into a message
_LONGEST = 3600.0  # seconds of a pause
_TRY_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.LOCKED}
_NEVER_SENT = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.TooManyRedirects,
)


class RateLimitedError(NotTakenError):
    """GitLab answered 429; `retry_after` is None where it does not say for how long."""


class NotFoundError(PermanentError):
    """GitLab answered 404.

    Args:
        message: for the owner of Qbot.
        said: GitLab's own words; only they tell an absent branch from an unreadable project.
    """

    def __init__(self, message: str, *, said: str) -> None:
        super().__init__(message)
        self.said = said


class ScopeError(PermanentError):
    """GitLab answered 403 for want of a scope, whatever the role: proof that the token has none."""


class ForbiddenError(PermanentError):
    """GitLab answered 403 for want of a role, or because the feature is switched off."""


def translate(
    error: vendor.GitlabError | requests.RequestException, what: str, retry_after: float | None
) -> TransientError | PermanentError:
    """The error to raise instead.

    Args:
        error: what python-gitlab or requests raised.
        what: the thing that was asked for, for instance "branch feat/x of shop/cart".
        retry_after: seconds, as told by the answer's headers.
    """
    if isinstance(error, requests.RequestException):
        return _unsent(error, what)
    if isinstance(error, vendor.GitlabParsingError):
        return TransientError(f"GitLab's answer about {what} is not JSON of the documented form.")
    if isinstance(error, vendor.GitlabConnectionError):
        return TransientError(f"GitLab cannot be reached for {what}.")
    return _answered(error, what, retry_after)


def _unsent(error: requests.RequestException, what: str) -> TransientError | PermanentError:
    kind = type(error).__name__  # its text repeats the address and internals of urllib3
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY" in str(error):
        return PermanentError("GitLab's certificate is not trusted. Check QBOT_GITLAB__URL.")
    if isinstance(error, _NEVER_SENT):
        return PermanentError(
            f"GitLab cannot be asked for {what} ({kind}). Check QBOT_GITLAB__URL."
        )
    if isinstance(error, requests.Timeout):
        return TransientError(f"GitLab does not answer in time about {what}.")
    return TransientError(f"GitLab cannot be reached for {what}.")


def _answered(
    error: vendor.GitlabError, what: str, retry_after: float | None
) -> TransientError | PermanentError:
    said, status = _words(error.error_message), error.response_code
    if isinstance(error, vendor.GitlabAuthenticationError) or status == HTTPStatus.UNAUTHORIZED:
        return PermanentError(
            "GitLab refuses the token in QBOT_GITLAB__TOKEN (401): a valid one has to be put there."
        )
    match status:
        case None:
            return PermanentError(f"GitLab cannot be asked for {what}: {said}")
        case HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimitedError(
                f"GitLab limits Qbot's requests ({what}).", retry_after=retry_after
            )
        case HTTPStatus.FORBIDDEN:
            return _forbidden(error, what, said)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRY_AGAIN:
            return TransientError(f"GitLab answered {status} for {what}.", retry_after=retry_after)
        case _ if said.startswith("<"):
            # A page, not the API: a proxy or a load balancer speaks, and it may come round.
            return TransientError(f"A page instead of GitLab's API ({status}) for {what}.")
        case HTTPStatus.NOT_FOUND:
            return _not_found(what, said)
        case _:
            return PermanentError(f"GitLab refuses {what} ({status}): {said}")


def _forbidden(error: vendor.GitlabError, what: str, said: str) -> PermanentError:
    if said == "insufficient_scope":
        scope = _field(error.response_body, "scope") or "read_api"
        scopes = " or ".join(scope.split())  # any one of them is enough
        return ScopeError(
            f"The token in QBOT_GITLAB__TOKEN lacks the scope {scopes}, which {what} needs."
        )
    return ForbiddenError(
        f"The token in QBOT_GITLAB__TOKEN may not read {what} ({said}). "
        "Give its account at least the role Reporter."
    )


def _not_found(what: str, said: str) -> NotFoundError:
    if said in _THINGS:
        return NotFoundError(f"GitLab has no {what}.", said=said)
    if said == PROJECT_ABSENT:
        # GitLab hides what a token may not see behind the same words.
        return NotFoundError(
            f"GitLab shows no project for {what} ({said}): the project's path is wrong, or the "
            "account of the token in QBOT_GITLAB__TOKEN may not see it.",
            said=said,
        )
    return NotFoundError(
        f"GitLab does not know the address of {what} ({said}): check QBOT_GITLAB__URL, the "
        "project's path and the rights of the token in QBOT_GITLAB__TOKEN, and that no proxy "
        "decodes %2F in paths.",
        said=said,
    )


def words_of(error: vendor.GitlabError) -> str:
    """What GitLab said, on one line, capped and without secrets; outside text."""
    return _words(error.error_message)


def _words(message: Any) -> str:
    """GitLab's own words on one line; they are outside text."""
    text = message if isinstance(message, str) else json.dumps(message, default=str)
    text = redact(" ".join(text.split()))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _field(body: bytes | None, name: str) -> str:
    try:
        value = json.loads(body or b"{}").get(name)
    except (ValueError, AttributeError):
        return ""
    return _words(value) if isinstance(value, str) else ""


def retry_after(headers: Any, now: datetime) -> float | None:
    """Seconds to leave GitLab alone, from `Retry-After` (either form) or `RateLimit-Reset`.

    At most an hour: whatever stands before GitLab, one odd header must not silence Qbot.

    Args:
        headers: of the answer, looked up without regard to case.
        now: aware.
    """
    told = _told(str(headers.get("Retry-After", "")).strip(), now)
    if told is None:
        reset = str(headers.get("RateLimit-Reset", "")).strip()
        told = float(reset) - now.timestamp() if reset.isdecimal() else None
    return None if told is None else min(max(0.0, told), _LONGEST)


def _told(header: str, now: datetime) -> float | None:
    if header.isdecimal():
        return float(header)
    try:
        return (parsedate_to_datetime(header) - now).total_seconds()
    except (TypeError, ValueError):
        return None  # absent, or neither a number nor an HTTP date with a zone
