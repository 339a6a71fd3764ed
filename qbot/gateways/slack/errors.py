"""Slack's failures -> the three kinds of Qbot, and those that the dispatcher handles apart.

Error names: docs.slack.dev, the error tables of each method. The text of a SlackApiError holds
the whole answer, so it is never used and never chained.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from qbot.errors import PermanentError, QbotError, TransientError


class RateLimitedError(TransientError):
    """HTTP 429: the method is closed for `retry_after` seconds, for the whole workspace."""


class UnsureError(TransientError):
    """The call was sent and its answer is lost: it may have been done. Look before repeating."""


class NotHereError(PermanentError):
    """Qbot cannot post there: it is no member, or the channel is gone or archived."""


class LostMessageError(PermanentError):
    """The message cannot be changed any more: deleted, too old, or in a closed channel."""


class AccessError(PermanentError):
    """The token, or one scope of the app, is refused: about Qbot as a whole, not about a message.

    What Slack refuses in one place (`no_permission`, `access_denied`) is none of these.

    Args:
        message: for the owner of Qbot.
        scope: the one that is missing; empty where the token itself is refused.
    """

    def __init__(self, message: str, *, scope: str = "") -> None:
        super().__init__(message)
        self.scope = scope


class FileUnreadyError(PermanentError):
    """A message shows a file that Slack does not show yet: it was uploaded moments ago.

    Nothing was posted. Slack works on what was uploaded after it has taken it
    (https://docs.slack.dev/reference/methods/files.completeUploadExternal); the same message is
    taken later, unless the file is gone.
    """


class TooLateError(PermanentError):
    """The three seconds in which an interaction may open a modal are over, or it has been used."""


_NOT_HERE = frozenset(
    {
        "not_in_channel", "channel_not_found", "is_archived", "restricted_action",
        "restricted_action_read_only_channel", "user_not_in_channel", "messages_tab_disabled",
        "restricted_action_non_threadable_channel", "restricted_action_thread_only_channel",
        "cannot_dm_bot", "user_not_found", "user_disabled", "ekm_access_denied",
    }
)  # fmt: skip
_NO_POST = frozenset({"no_permission", "access_denied", "team_access_not_granted"})
_POSTS = frozenset({"chat.postMessage", "chat.postEphemeral"})
_LOST = frozenset(
    {
        "message_not_found", "edit_window_closed", "cant_update_message", "is_inactive",
        "thread_not_found", "cannot_reply_to_message", "block_mismatch",
    }
)  # fmt: skip
_AUTH = frozenset(
    {
        "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
        "not_allowed_token_type", "org_login_required",
    }
)  # fmt: skip
_TOO_LATE = frozenset(
    {
        "expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "trigger_expired",
        "trigger_exchanged",
    }
)  # fmt: skip
_LATER = frozenset(
    {"service_unavailable", "team_added_to_org", "accesslimited", "rollup_error", "request_timeout"}
)
_MAYBE_DONE = frozenset({"fatal_error", "internal_error"})
_FILE = "invalid slack file"
_OK, _REFUSED, _TOO_MANY = 200, 400, 429
_SERVER = 500
VENDOR = (
    SlackClientError, aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError,
    AttributeError,  # slack_sdk trips over a body that is not JSON
)  # fmt: skip
"""What slack_sdk and aiohttp raise on a call."""


def translate(error: Exception, method: str) -> QbotError:
    """One of `VENDOR` -> ours, without the vendor's text."""
    if isinstance(error, SlackApiError):
        return _answered(error.response, method)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return TransientError(f"Slack cannot be reached ({method}: {type(error).__name__})")
    if isinstance(error, aiohttp.InvalidURL):
        return PermanentError(f"Slack's address is not a URL ({method})")
    if isinstance(error, aiohttp.ClientError | asyncio.TimeoutError | OSError):
        return UnsureError(f"Slack's answer was lost ({method}: {type(error).__name__})")
    return UnsureError(f"Slack's answer cannot be read ({method})")


def status_of(error: SlackApiError) -> int:
    """The HTTP status as others would have answered: Slack says no with 200 and `ok: false`."""
    status = _status(error.response)
    if status != _OK:
        return status
    limited = isinstance(_answered(error.response, ""), RateLimitedError)
    return _TOO_MANY if limited else _REFUSED


def _status(response: Any) -> int:
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0))


def _answered(response: Any, method: str) -> QbotError:
    status = _status(response)
    if status == _TOO_MANY:
        wait = _seconds(getattr(response, "headers", {}))
        return RateLimitedError(f"Slack limits {method}", retry_after=wait)
    if status >= _SERVER:
        return UnsureError(f"Slack failed ({method}: HTTP {status})")
    data = getattr(response, "data", None)
    if not isinstance(data, Mapping) or not isinstance(data.get("error"), str):
        return UnsureError(f"Slack's answer cannot be read ({method}: HTTP {status})")
    return named(data["error"], method, data, getattr(response, "headers", {}))


def named(name: str, method: str, data: Mapping[str, Any], headers: Mapping[str, str]) -> QbotError:
    """One of Slack's error names -> our error."""
    what = f"{method}: {name[:60]}"
    if name in {"ratelimited", "rate_limited"}:
        return RateLimitedError(f"Slack limits {method}", retry_after=_seconds(headers))
    if name == "missing_scope":
        scope = _scope(data)
        return AccessError(f"Slack's app lacks the scope {scope} ({method})", scope=scope)
    if name in _AUTH:
        return AccessError(f"Slack refuses the token ({what})")
    if name in _NOT_HERE or (name in _NO_POST and method in _POSTS):
        return NotHereError(f"Qbot cannot write there ({what})")
    if name == "invalid_blocks" and _FILE in str(data.get("errors")):
        return FileUnreadyError(f"Slack does not show a file of it yet ({what})")
    if name in _TOO_LATE:
        return TooLateError(f"the form cannot be opened any more ({what})")
    if name in _LOST:
        return LostMessageError(f"the message cannot be changed ({what})")
    if name in _MAYBE_DONE:
        return UnsureError(f"Slack failed ({what})")
    if name in _LATER:
        return TransientError(f"Slack is not available ({what})")
    return PermanentError(f"Slack refuses the call ({what})")


def _scope(data: Mapping[str, Any]) -> str:
    needed = data.get("needed")
    return needed[:80] if isinstance(needed, str) and needed else "that it needs"


def _seconds(headers: Mapping[str, str]) -> float:
    """Retry-After; the documents promise whole seconds."""
    try:
        return max(float(headers.get("Retry-After", "")), 1.0)
    except ValueError:
        return 30.0
