import ssl
from typing import Any

import httpx
import pytest

from qbot.errors import PermanentError, QbotError, TransientError, UserError
from qbot.gateways.argocd.errors import (
    HTTPX,
    Asked,
    DiffersError,
    DoubtfulError,
    DyingError,
    NothingRunsError,
    NotThereError,
    UnseenError,
    broken_call,
    refusal,
)

ASKED = Asked("create the Application qbot-x-cart", "qbot-x-cart", "QBOT_ARGOCD__MAIN__", True)
QUIET = Asked("delete the AppProject qbot-x", "qbot-x", "QBOT_ARGOCD__MAIN__")


def grpc(status: int, code: int, message: str, **headers: str) -> httpx.Response:
    body = {"error": message, "code": code, "message": message}
    return httpx.Response(status, json=body, headers=headers)


def text(status: int, body: str, kind: str = "text/plain", **headers: str) -> httpx.Response:
    return httpx.Response(status, text=body, headers={"content-type": kind, **headers})


@pytest.mark.parametrize(
    ("response", "kind", "words"),
    [
        pytest.param(
            grpc(401, 16, "invalid session: Token is expired"),
            PermanentError,
            "QBOT_ARGOCD__MAIN__TOKEN",
            id="401",
        ),
        pytest.param(
            grpc(
                403,
                7,
                "permission denied: applications, sync, qbot-x/qbot-x-cart, sub: qbot, "
                "iat: 2026-01-05T09:00:00Z",
            ),
            PermanentError,
            "`p, role:qbot, applications, sync, qbot-x/qbot-x-cart, allow`",
            id="403-verbose-names-the-line",
        ),
        pytest.param(grpc(403, 7, "permission denied"), DoubtfulError, "role lacks", id="403-bare"),
        pytest.param(
            grpc(403, 7, "cannot sync: blocked by sync window"),
            TransientError,
            "sync window",
            id="403-window",
        ),
        pytest.param(text(403, "<html>", "text/html"), PermanentError, "not from", id="403-proxy"),
        pytest.param(
            grpc(404, 5, 'applications.argoproj.io "qbot-x-cart" not found'),
            NotThereError,
            "",
            id="404-names-it",
        ),
        pytest.param(
            grpc(404, 5, 'applications.argoproj.io "other" not found'),
            DoubtfulError,
            "",
            id="404-about-something-else",
        ),
        pytest.param(text(404, "Not Found\n"), PermanentError, "URL", id="404-unknown-route"),
        pytest.param(
            text(404, "<title>No such host</title>", "text/html"), PermanentError, "No such host",
            id="404-proxy-is-no-proof",
        ),
        pytest.param(text(405, "Method Not Allowed\n"), PermanentError, "405", id="405"),
        pytest.param(grpc(409, 10, "Operation cannot be fulfilled"), TransientError, "", id="409"),
        pytest.param(
            text(415, "Invalid content type\n"), PermanentError, "Content-Type", id="415"
        ),
        pytest.param(
            text(429, "slow down", **{"retry-after": "7"}), TransientError, "429", id="429"
        ),
        pytest.param(
            grpc(429, 8, "grpc: received message larger than max (1 vs. 2)"),
            DoubtfulError,
            "ARGOCD_GRPC_MAX_SIZE_MB",
            id="429-that-is-about-size",
        ),
        pytest.param(grpc(500, 2, "cache: key is missing"), TransientError, "cache", id="500"),
        pytest.param(
            text(502, "<html><title>502 Bad\nGateway</title>", "text/html"),
            TransientError,
            "502 502 Bad Gateway",
            id="502-html-shows-its-title",
        ),
        pytest.param(grpc(503, 14, "transport is closing"), TransientError, "", id="503"),
        pytest.param(text(504, ""), TransientError, "504", id="504-empty"),
        pytest.param(text(501, "unknown"), PermanentError, "501", id="501"),
        pytest.param(grpc(408, 1, "canceled"), TransientError, "", id="408"),
        pytest.param(text(307, ""), PermanentError, "URL", id="307-to-https"),
        pytest.param(
            grpc(400, 9, "another operation is already in progress"), TransientError, "", id="busy"
        ),
        pytest.param(grpc(400, 9, "application is deleting"), TransientError, "", id="dying"),
        pytest.param(
            grpc(400, 3, "no new finalizers can be added if the object is being deleted"),
            DyingError,
            "",
            id="dying-past-a-finalizer",
        ),
        pytest.param(
            grpc(400, 3, "existing application spec is different, use upsert flag to force update"),
            DiffersError,
            "",
            id="application-differs",
        ),
        pytest.param(
            grpc(400, 3, "existing project spec is different; use upsert flag to force update"),
            DiffersError,
            "",
            id="project-differs",
        ),
        pytest.param(
            grpc(
                400, 3, 'app is not allowed in project "qbot-x", or the project does not exist'
            ),
            UnseenError,
            "",
            id="project-not-yet-seen",
        ),
        pytest.param(
            grpc(400, 3, "Unable to terminate operation. No operation is in progress"),
            NothingRunsError,
            "",
            id="nothing-to-terminate",
        ),
        pytest.param(
            grpc(400, 3, "application destination spec for a is invalid: no clusters"),
            PermanentError,
            "no clusters",
            id="destination",
        ),
        pytest.param(
            grpc(
                400,
                3,
                "application spec for qbot-x-cart is invalid: InvalidSpecError: app path absent",
            ),
            UserError,
            "Argo CD refuses qbot-x-cart: InvalidSpecError: app path absent",
            id="chart-refused",
        ),
        pytest.param(
            grpc(
                400,
                3,
                "application spec for qbot-x-cart is invalid: InvalidSpecError: Unable to generate "
                "manifests in chart: rpc error: code = Unavailable desc = connection error",
            ),
            TransientError,
            "",
            id="repo-server-away",
        ),
        pytest.param(
            text(400, "plain HTTP request to an HTTPS port"), PermanentError, "", id="400-proxy"
        ),
    ],
)  # fmt: skip
def test_a_refusal_says_who_has_to_act(
    response: httpx.Response, kind: type[Exception], words: str
) -> None:
    found = refusal(response, ASKED)
    assert type(found) is kind
    assert words in str(found)


def test_a_project_in_use_is_waited_for() -> None:
    found = refusal(grpc(400, 3, "project is referenced by 3 applications"), QUIET)
    assert isinstance(found, TransientError)


def test_a_400_that_is_nobodys_chart_is_the_owners_matter() -> None:
    assert type(refusal(grpc(400, 3, "bad policy"), QUIET)) is PermanentError


def test_the_neighbours_wish_to_be_left_alone_is_kept() -> None:
    found = refusal(text(429, "slow down", **{"retry-after": "7"}), ASKED)
    assert isinstance(found, TransientError)
    assert found.retry_after == 7


def test_a_novel_is_cut() -> None:
    assert len(str(refusal(grpc(500, 2, "x" * 10_000), ASKED))) < 700


def test_lines_of_an_error_become_one() -> None:
    assert "\n" not in str(refusal(grpc(500, 2, "a\nb\r\nc"), ASKED))


def _build(kind: type[Any]) -> Exception:
    request = httpx.Request("GET", "http://argocd")
    found: Exception
    if issubclass(kind, httpx.HTTPStatusError):
        found = kind("x", request=request, response=httpx.Response(500))
    elif issubclass(kind, (httpx.StreamConsumed, httpx.ResponseNotRead, httpx.RequestNotRead)) or (
        issubclass(kind, httpx.StreamClosed)
    ):
        found = kind()
    else:
        found = kind("x")
    return found


EXCEPTIONS = sorted(
    {
        e
        for e in vars(httpx).values()
        if isinstance(e, type) and issubclass(e, Exception)
    },
    key=lambda e: e.__name__,
)  # fmt: skip


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda e: e.__name__)
def test_every_exception_of_httpx_is_caught_and_translated(kind: type[Any]) -> None:
    assert issubclass(kind, HTTPX)
    found = broken_call(_build(kind), ASKED)
    assert isinstance(found, QbotError)
    passing = issubclass(kind, (httpx.TransportError, httpx.DecodingError))
    bugs = issubclass(kind, (httpx.UnsupportedProtocol, httpx.LocalProtocolError))
    assert isinstance(found, TransientError) == (passing and not bugs)


@pytest.mark.incident("readable-credentials")
def test_a_malformed_token_is_not_quoted() -> None:
    error = httpx.LocalProtocolError("Illegal header value b'Bearer secret\\n'")
    assert "secret" not in str(broken_call(error, ASKED))


def test_an_unknown_authority_names_its_setting() -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    found = broken_call(error, ASKED)
    assert isinstance(found, PermanentError)
    assert "QBOT_ARGOCD__MAIN__CA_FILE" in str(found)


def test_a_timeout_is_waited_out() -> None:
    assert isinstance(broken_call(TimeoutError(), ASKED), TransientError)


def test_a_lost_connection_is_told_in_words() -> None:
    for lost in (httpx.ReadError(""), httpx.RemoteProtocolError("Server disconnected")):
        assert str(broken_call(lost, ASKED)).endswith(": the connection was lost")
