"""Every way in which GitLab, or the way to it, fails becomes one of Qbot's errors."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import gitlab.exceptions
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from qbot.errors import NotTakenError, PermanentError, QbotError, TransientError
from qbot.gateways.gitlab.errors import RateLimitedError, retry_after, translate
from tests.gateways.gitlab.replies import (
    BRANCH,
    CART,
    TOKEN,
    Reply,
    answering,
    json_reply,
    text_reply,
)

PAGE = "<html><head><title>502 Bad Gateway</title></head></html>"
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def subclasses(of: type[Exception]) -> Iterator[type[Exception]]:
    for found in of.__subclasses__():
        if "warning" not in found.__name__.lower():
            yield found
            yield from subclasses(found)


@pytest.mark.parametrize("kind", sorted(set(subclasses(gitlab.exceptions.GitlabError)), key=str))
def test_every_error_of_python_gitlab_is_translated(
    kind: type[gitlab.exceptions.GitlabError],
) -> None:
    for status in (None, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503):
        translated = translate(kind("said", status, b"{}"), "a thing", None)
        assert isinstance(translated, TransientError | PermanentError)
        assert "GitLab" in str(translated) or "QBOT_GITLAB__TOKEN" in str(translated)


@pytest.mark.parametrize(
    "kind",
    sorted({requests.RequestException, *subclasses(requests.RequestException)}, key=str),
    ids=lambda kind: f"{kind.__module__}.{kind.__name__}",
)
def test_every_error_of_requests_is_translated(kind: type[requests.RequestException]) -> None:
    error = kind.__new__(kind)
    Exception.__init__(error, "HTTPSConnectionPool(host='gitlab', port=443): Max retries exceeded")
    translated = translate(error, "a thing", None)
    assert isinstance(translated, TransientError | PermanentError)
    assert "Max retries" not in str(translated)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (requests.exceptions.ConnectTimeout, TransientError),
        (requests.exceptions.ReadTimeout, TransientError),
        (requests.exceptions.ConnectionError, TransientError),
        (requests.exceptions.ChunkedEncodingError, TransientError),
        (requests.exceptions.InvalidURL, PermanentError),
        (requests.exceptions.TooManyRedirects, PermanentError),
    ],
)
def test_waiting_cures_a_broken_way_but_not_a_wrong_address(
    kind: type[requests.RequestException], expected: type[QbotError]
) -> None:
    assert type(translate(kind("no"), "a thing", None)) is expected


def test_a_certificate_that_nobody_trusts_does_not_heal() -> None:
    error = requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    assert isinstance(translate(error, "a thing", None), PermanentError)
    error = requests.exceptions.SSLError("EOF occurred in violation of protocol")
    assert isinstance(translate(error, "a thing", None), TransientError)


SCOPE = {"error": "insufficient_scope", "error_description": "more", "scope": "api read_api"}


@pytest.mark.parametrize(
    ("reply", "expected", "words"),
    [
        pytest.param(
            json_reply({"message": "404 Project Not Found"}, 404),
            PermanentError,
            "shop/cart .*QBOT_GITLAB__TOKEN may not see it",
            id="project-absent-or-hidden",
        ),
        pytest.param(
            json_reply({"message": "404 Not found"}, 404), PermanentError, "rights", id="bare-404"
        ),
        pytest.param(
            json_reply({"error": "404 Not Found"}, 404), PermanentError, "%2F", id="no-route"
        ),
        pytest.param(
            json_reply({"message": "404 Repository Not Found"}, 404),
            PermanentError,
            "404 Repository Not Found",
            id="repository-absent",
        ),
        pytest.param(
            json_reply({"message": "401 Unauthorized"}, 401),
            PermanentError,
            "QBOT_GITLAB__TOKEN",
            id="no-token",
        ),
        pytest.param(
            json_reply({"error": "invalid_token", "error_description": "Token was revoked."}, 401),
            PermanentError,
            "QBOT_GITLAB__TOKEN",
            id="revoked-token",
        ),
        pytest.param(
            json_reply(SCOPE, 403), PermanentError, "lacks the scope api or read_api", id="scope"
        ),
        pytest.param(
            json_reply({"message": "403 Forbidden"}, 403), PermanentError, "Reporter", id="role"
        ),
        pytest.param(
            json_reply({"message": {"ref": ["is odd"]}}, 400),
            PermanentError,
            "is odd",
            id="message-by-field",
        ),
        pytest.param(
            json_reply({"message": ["is odd"]}, 409), PermanentError, "is odd", id="message-list"
        ),
        pytest.param(
            json_reply({"error": "ref is missing"}, 400),
            PermanentError,
            "ref is missing",
            id="parameter",
        ),
        pytest.param(json_reply({"message": "500"}, 500), TransientError, "500", id="500"),
        pytest.param(text_reply(PAGE, 502), TransientError, "502", id="502-page"),
        pytest.param(text_reply(PAGE, 404), TransientError, "page", id="404-page-of-a-proxy"),
        pytest.param(text_reply(PAGE, 200), TransientError, "form", id="200-page"),
        pytest.param(text_reply("", 204), TransientError, "form", id="204"),
        pytest.param(json_reply([]), TransientError, "form", id="a-list"),
        pytest.param(json_reply({"name": "feat/x"}), TransientError, "form", id="no-commit"),
        pytest.param(
            json_reply({"name": "x", "commit": None}), TransientError, "form", id="null-commit"
        ),
    ],
)
async def test_an_odd_reply_is_never_an_absent_branch(
    reply: Reply, expected: type[QbotError], words: str
) -> None:
    async with answering(reply) as (asked, gitlab):
        with pytest.raises(expected, match=words) as caught:
            await gitlab.heads([CART], BRANCH)
        assert len(asked.asked) == 1
        assert TOKEN not in str(caught.value)


async def test_only_gitlabs_own_words_make_a_branch_absent() -> None:
    said = json_reply({"message": "404 Branch Not Found"}, 404)
    async with answering(said) as (asked, gitlab):
        assert await gitlab.heads([CART], BRANCH) == {CART: None}
        assert asked.asked == ["/projects/shop%2Fcart/repository/branches/feat%2Fx"]


async def test_an_absent_branch_is_no_answer_to_another_question() -> None:
    said = json_reply({"message": "404 Branch Not Found"}, 404)
    async with answering(said) as (_, gitlab):
        with pytest.raises(PermanentError):
            await gitlab.resolve(CART, "feat/x")
        with pytest.raises(PermanentError):
            await gitlab.project(CART)


async def test_a_list_of_another_shape_is_waited_out() -> None:
    bodies: list[object] = [{"pipelines": []}, [1], [{"id": 1}], "text", None]
    for body in bodies:
        async with answering(json_reply(body)) as (_, gitlab):
            with pytest.raises(TransientError):
                await gitlab.builds([(CART, "5f1c")])


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Mon, 05 Jan 2026 09:00:42 GMT"}, 42.0),
        ({"Retry-After": "Mon, 05 Jan 2026 08:00:00 GMT"}, 0.0),
        ({"RateLimit-Reset": str(int(NOW.timestamp()) + 31)}, 31.0),
        ({"Retry-After": "soon", "RateLimit-Reset": str(int(NOW.timestamp()) - 1)}, 0.0),
        ({"Retry-After": "3", "RateLimit-Reset": "9999999999"}, 3.0),
        ({"Retry-After": "9" * 400}, 3600.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_the_pause_is_read_from_either_header(
    headers: dict[str, str], expected: float | None
) -> None:
    assert retry_after(headers, NOW) == expected


@given(told=st.text(), reset=st.text())
def test_headers_never_break_the_reading(told: str, reset: str) -> None:
    pause = retry_after({"Retry-After": told, "RateLimit-Reset": reset}, NOW)
    assert pause is None or 0 <= pause <= 3600


@given(said=st.text() | st.binary() | st.lists(st.text()) | st.dictionaries(st.text(), st.none()))
def test_whatever_gitlab_says_fits_a_message(said: Any) -> None:
    error = gitlab.exceptions.GitlabHttpError(said, 400)
    assert len(str(translate(error, "a thing", None))) <= 250


def test_a_429_tells_its_pause() -> None:
    error = gitlab.exceptions.GitlabHttpError("Retry later", 429)
    translated = translate(error, "a thing", 12.0)
    assert isinstance(translated, RateLimitedError)
    assert isinstance(translated, NotTakenError)
    assert translated.retry_after == 12.0


def test_an_answer_of_500_may_have_done_something_whatever_pause_it_names() -> None:
    error = gitlab.exceptions.GitlabHttpError("it broke", 500)
    translated = translate(error, "a thing", 12.0)
    assert isinstance(translated, TransientError)
    assert not isinstance(translated, NotTakenError)


def test_a_broken_way_is_told_in_words() -> None:
    late = translate(requests.exceptions.ReadTimeout("no"), "a thing", None)
    cut = translate(requests.exceptions.ChunkedEncodingError("no"), "a thing", None)
    assert str(late) == "GitLab does not answer in time about a thing."
    assert str(cut) == "GitLab cannot be reached for a thing."
