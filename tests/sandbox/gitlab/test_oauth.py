from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import gitlab
import httpx
import pytest

from tests.plain import NO_TLS
from tests.sandbox.gitlab.served import Served, serving

BACK = "http://127.0.0.1:9/gitlab/link"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(services=1, oauth_callbacks=[BACK]) as made:
        yield made


@pytest.fixture
def browser(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, verify=NO_TLS) as made:
        yield made


def asked(served: Served, **more: str) -> dict[str, str]:
    client_id = served.standin.oauth.application.client_id
    return {"client_id": client_id, "redirect_uri": BACK, "response_type": "code",
            "scope": "read_user", "state": "s 1"} | more  # fmt: skip


def decided(served: Served, browser: httpx.Client, answer: str, **more: str) -> dict[str, str]:
    form = asked(served, **more) | {"user": "ana", "answer": answer}
    reply = browser.post("/oauth/authorize", data=form)
    assert reply.status_code == 302
    address = urlsplit(reply.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == BACK
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def exchange(served: Served, browser: httpx.Client, code: str, **more: str) -> httpx.Response:
    application = served.standin.oauth.application
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
            "client_id": application.client_id, "client_secret": application.secret}  # fmt: skip
    return browser.post("/oauth/token", data=form | more)


def test_a_code_becomes_a_token_that_says_who_somebody_is(
    served: Served, browser: httpx.Client
) -> None:
    page = browser.get("/oauth/authorize", params=asked(served))
    assert page.status_code == 200
    assert "Ana Costa" in page.text
    told = decided(served, browser, "authorize")
    assert told["state"] == "s 1"
    token = exchange(served, browser, told["code"]).json()
    assert (token["token_type"], token["scope"]) == ("Bearer", "read_user")
    with gitlab.Gitlab(served.url, oauth_token=token["access_token"]) as gl:
        gl.auth()
        assert gl.user is not None
        assert gl.user.username == "ana"
        with pytest.raises(gitlab.GitlabError, match="insufficient_scope"):
            gl.projects.get("shop/frontend")
    served.advance(7201)
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert browser.get("/api/v4/user", headers=headers).json()["error"] == "invalid_token"


def test_a_code_works_once_for_its_application_and_ten_minutes(
    served: Served, browser: httpx.Client
) -> None:
    code = decided(served, browser, "authorize")["code"]
    stranger = exchange(served, browser, code, client_secret="no")
    assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_client")
    assert exchange(served, browser, code).status_code == 200
    again = exchange(served, browser, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    late = decided(served, browser, "authorize")["code"]
    served.advance(601)
    assert exchange(served, browser, late).json()["error"] == "invalid_grant"
    other = decided(served, browser, "authorize")["code"]
    refused = exchange(served, browser, other, grant_type="password")
    assert refused.json()["error"] == "unsupported_grant_type"


def test_an_application_takes_back_its_own_tokens_only(
    served: Served, browser: httpx.Client
) -> None:
    token = exchange(served, browser, decided(served, browser, "authorize")["code"]).json()
    application, other = served.standin.oauth.application, served.standin.world.tokens[0]
    form = {"client_id": application.client_id, "client_secret": application.secret}

    def revoked(secret: str, **more: str) -> int:
        return browser.post("/oauth/revoke", data={**form, "token": secret, **more}).status_code

    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert revoked(token["access_token"], client_secret="no") == 403
    assert browser.get("/api/v4/user", headers=headers).status_code == 200
    for secret in (token["access_token"], other.secret, "nobody's"):
        assert (revoked(secret), other.revoked) == (200, False)
    assert browser.get("/api/v4/user", headers=headers).json()["error"] == "invalid_token"


def test_a_challenge_has_to_be_met(served: Served, browser: httpx.Client) -> None:
    challenge = urlsafe_b64encode(sha256(b"verifier").digest()).rstrip(b"=").decode()
    for verifier, status in (("wrong", 400), ("verifier", 200)):
        code = decided(served, browser, "authorize", code_challenge=challenge)["code"]
        assert exchange(served, browser, code, code_verifier=verifier).status_code == status


def test_no_is_an_answer(served: Served, browser: httpx.Client) -> None:
    assert decided(served, browser, "deny")["error"] == "access_denied"
    assert decided(served, browser, "authorize", scope="api")["error"] == "invalid_scope"


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"client_id": "other"}, 401), ({"redirect_uri": "https://evil.example/"}, 400)],
)
def test_nobody_is_sent_to_an_unknown_address(
    served: Served, browser: httpx.Client, changed: dict[str, str], status: int
) -> None:
    answer = browser.get("/oauth/authorize", params=asked(served, **changed))
    assert answer.status_code == status
    assert "location" not in answer.headers
