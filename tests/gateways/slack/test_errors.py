"""Every failure of the client libraries becomes one of ours, without the vendor's text."""

import inspect
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from slack_sdk import errors as slack_errors
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from yarl import URL

from qbot.errors import PermanentError, QbotError, TransientError
from qbot.gateways.slack.errors import (
    VENDOR,
    AccessError,
    LostMessageError,
    NotHereError,
    RateLimitedError,
    UnsureError,
    translate,
)

SECRET = "xoxb-do-not-show"


def answered(status: int, data: Any, headers: dict[str, str] | None = None) -> AsyncSlackResponse:
    return AsyncSlackResponse(
        client=AsyncWebClient(token="x"),
        http_verb="POST",
        api_url="https://slack.com/api/chat.update",
        req_args={},
        data=data,
        headers=headers or {},
        status_code=status,
    )


def api_error(response: AsyncSlackResponse) -> SlackApiError:
    make: Callable[[str, AsyncSlackResponse], SlackApiError] = SlackApiError
    return make(SECRET, response)


def refused(name: str, method: str = "chat.update", **more: str) -> QbotError:
    data = {"ok": False, "error": name, "detail": SECRET, **more}
    return translate(api_error(answered(200, data)), method)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("not_in_channel", NotHereError),
        ("channel_not_found", NotHereError),
        ("is_archived", NotHereError),
        ("message_not_found", LostMessageError),
        ("edit_window_closed", LostMessageError),
        ("cant_update_message", LostMessageError),
        ("is_inactive", LostMessageError),
        ("thread_not_found", LostMessageError),
        ("ratelimited", RateLimitedError),
        ("fatal_error", UnsureError),
        ("internal_error", UnsureError),
        ("service_unavailable", TransientError),
        ("invalid_auth", AccessError),
        ("not_authed", AccessError),
        ("account_inactive", AccessError),
        ("token_revoked", AccessError),
        ("token_expired", AccessError),
        ("not_allowed_token_type", AccessError),
        ("org_login_required", AccessError),
        ("ekm_access_denied", NotHereError),
        ("no_permission", PermanentError),
        ("access_denied", PermanentError),
        ("team_access_not_granted", PermanentError),
        ("two_factor_setup_required", PermanentError),
        ("invalid_blocks", PermanentError),
        ("msg_too_long", PermanentError),
        ("something_new", PermanentError),
    ],
)
def test_slacks_names_are_sorted(name: str, kind: type[QbotError]) -> None:
    error = refused(name)
    assert type(error) is kind
    assert SECRET not in str(error)


@pytest.mark.parametrize("name", ["no_permission", "access_denied", "team_access_not_granted"])
@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("chat.postMessage", NotHereError),
        ("chat.postEphemeral", NotHereError),
        ("users.info", PermanentError),
    ],
)
def test_a_right_that_is_missing_in_one_place_is_about_that_place(
    name: str, method: str, kind: type[QbotError]
) -> None:
    assert type(refused(name, method)) is kind


def test_a_missing_scope_names_the_scope() -> None:
    error = refused("missing_scope", needed="channels:history")
    assert isinstance(error, AccessError)
    assert error.scope == "channels:history"
    assert "channels:history" in str(error)


def test_a_refused_token_is_about_no_scope() -> None:
    error = refused("invalid_auth")
    assert isinstance(error, AccessError)
    assert error.scope == ""


@pytest.mark.parametrize("body", [{"ok": False, "error": "ratelimited"}, "slow down", "", None])
def test_a_429_is_read_from_its_status_whatever_the_body(body: object) -> None:
    error = translate(api_error(answered(429, body, {"Retry-After": "7"})), "chat.update")
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 7.0


def test_a_429_without_a_number_waits_half_a_minute() -> None:
    error = translate(api_error(answered(429, {}, {"Retry-After": "soon"})), "chat.update")
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 30.0


def clients_errors() -> list[Exception]:
    key = aiohttp.client_reqrep.ConnectionKey("slack.com", 443, True, True, None, None, None)
    request = aiohttp.RequestInfo(URL("https://slack.com"), "POST", CIMultiDictProxy(CIMultiDict()))
    made: list[Exception] = []
    for kind in vars(aiohttp.client_exceptions).values():
        if not (inspect.isclass(kind) and issubclass(kind, aiohttp.ClientError)):
            continue
        if issubclass(kind, aiohttp.ClientConnectorCertificateError):
            made.append(kind(key, OSError(SECRET)))
        elif issubclass(kind, aiohttp.client_exceptions.UnixClientConnectorError):
            made.append(kind("slack.sock", key, OSError(SECRET)))
        elif issubclass(kind, aiohttp.ClientConnectorError):
            made.append(kind(key, OSError(1, SECRET)))
        elif issubclass(kind, aiohttp.ClientResponseError):
            made.append(kind(request, (), message=SECRET))
        elif issubclass(kind, aiohttp.ServerFingerprintMismatch):
            made.append(kind(b"a", b"b", "slack.com", 443))
        else:
            made.append(kind(SECRET))
    return made


@pytest.mark.parametrize("error", clients_errors(), ids=lambda e: type(e).__name__)
def test_every_error_of_aiohttp_is_translated(error: Exception) -> None:
    ours = translate(error, "chat.update")
    assert isinstance(ours, TransientError | PermanentError)
    assert SECRET not in str(ours)


@pytest.mark.parametrize(
    "kind",
    [
        k
        for k in vars(slack_errors).values()
        if inspect.isclass(k) and issubclass(k, SlackClientError) and k is not SlackApiError
    ],
)
def test_every_error_of_slack_sdk_is_translated(kind: type[SlackClientError]) -> None:
    try:
        error = kind(SECRET)
    except TypeError:
        error = kind(SECRET, {"error": SECRET})  # some take the response
    assert SECRET not in str(translate(error, "chat.update"))


@pytest.mark.parametrize(
    ("error", "sure"),
    [
        (TimeoutError(), False),
        (aiohttp.ServerDisconnectedError(), False),
        (ConnectionResetError(), False),
        (aiohttp.ConnectionTimeoutError(), True),
    ],
)
def test_only_what_failed_before_sending_is_sure(error: Exception, sure: bool) -> None:
    assert isinstance(translate(error, "chat.postMessage"), UnsureError) is not sure


def test_a_bug_is_no_error_of_slack() -> None:
    assert not isinstance(KeyError("x"), VENDOR)
