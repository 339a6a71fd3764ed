"""Signing in with GitLab: who a browser's user is there. The token is used once and revoked.

https://docs.gitlab.com/api/oauth2/ (authorization code with PKCE).
"""

import ssl
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog

from qbot.domain.promotion import Account
from qbot.errors import PermanentError, TransientError, UserError
from qbot.gateways.trust import trusting

log = structlog.get_logger()
_SECONDS = 10.0  # a person waits for the page
_REVOKED = 3.0  # of them for what they do not wait for
_SERVER, _TOO_MANY = 500, 429
_AGAIN = "Run the `link` command in Slack again for a new link."


class GitLabOAuth:
    """The application that an administrator registered in GitLab, with the scope `read_user`."""

    def __init__(
        self, url: str, client_id: str, secret: str, *, callback: str, ca_file: Path | None = None
    ) -> None:
        """Send nothing yet.

        Args:
            url: the root of GitLab, as browsers and Qbot both reach it.
            client_id: of the application.
            secret: of the application.
            callback: its redirect URI, character by character.
            ca_file: certificate authority, where it is not a public one.

        Raises:
            PermanentError: the file holds no certificates.
        """
        self._url = url.rstrip("/")
        self._client_id = client_id
        self._secret = secret
        self._callback = callback
        self._verify = _trusting(ca_file)

    @property
    def origin(self) -> str:
        """Scheme, host and port of the pages to which browsers are sent."""
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.netloc}"

    def authorize_url(self, *, state: str, verifier: str) -> str:
        """Where the browser asks its user; GitLab sends it back with `state` and a code."""
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": self._client_id,
            "redirect_uri": self._callback,
            "response_type": "code",
            "scope": "read_user",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._url}/oauth/authorize?{urlencode(query)}"

    async def account(self, code: str, *, verifier: str) -> Account:
        """Whose code it is.

        Raises:
            UserError: the code is not good (any more), or the account may not act.
            PermanentError: GitLab refuses the application.
            TransientError: GitLab is away; the code may be used up.
        """
        async with httpx.AsyncClient(
            verify=self._verify, timeout=_SECONDS, trust_env=False
        ) as http:
            token = await self._exchange(http, code, verifier)
            headers = {"Authorization": f"Bearer {token}"}
            try:
                user = await _answer(http.get(f"{self._url}/api/v4/user", headers=headers))
            finally:
                await self._revoke(http, token)
        return _account(user)

    async def _exchange(self, http: httpx.AsyncClient, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "client_id": self._client_id,
            "client_secret": self._secret,
            "redirect_uri": self._callback,
            "code": code,
            "code_verifier": verifier,
        }
        found = await _answer(http.post(f"{self._url}/oauth/token", data=form))
        token = found.get("access_token")
        if not isinstance(token, str) or not token:
            raise TransientError("GitLab's answer about a sign-in is not of the documented form.")
        return token

    async def _revoke(self, http: httpx.AsyncClient, token: str) -> None:
        """It was for one look; where GitLab does not take it back it lapses in two hours.

        https://docs.gitlab.com/api/oauth2/#revoke-a-token
        """
        form = {"client_id": self._client_id, "client_secret": self._secret, "token": token}
        try:
            reply = await http.post(f"{self._url}/oauth/revoke", data=form, timeout=_REVOKED)
        except httpx.HTTPError as error:
            log.info("a sign-in's token was not revoked", why=type(error).__name__)
            return
        if not reply.is_success:
            log.info("a sign-in's token was not revoked", status=reply.status_code)


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return trusting(ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise PermanentError(
            f"QBOT_GITLAB__CA_FILE: {ca_file} holds no certificates ({type(error).__name__})."
        ) from None


async def _answer(request: Any) -> Mapping[str, Any]:
    """The JSON object that a request is answered with.

    Raises:
        UserError: the code is used up, too old or another browser's.
        PermanentError: GitLab refuses the application.
        TransientError: GitLab is away.
    """
    try:
        reply: httpx.Response = await request
        found = reply.json()
    except httpx.HTTPError as error:
        kind = type(error).__name__
        raise TransientError(f"GitLab cannot be reached for a sign-in ({kind}).") from None
    except ValueError:
        raise TransientError("GitLab's answer about a sign-in is not JSON.") from None
    if reply.status_code >= _SERVER or reply.status_code == _TOO_MANY:
        raise TransientError(f"GitLab answered {reply.status_code} for a sign-in.")
    if not isinstance(found, dict):
        raise TransientError("GitLab's answer about a sign-in is not of the documented form.")
    if reply.is_success:
        return found
    said = str(found.get("error") or found.get("message") or "")[:60]
    if said == "invalid_grant":
        raise UserError("GitLab's answer was good for one use and a short while.", hint=_AGAIN)
    raise PermanentError(
        f"GitLab refuses Qbot's application ({reply.status_code} {said}): check "
        "QBOT_GITLAB__OAUTH_ID and QBOT_GITLAB__OAUTH_SECRET, and in GitLab its redirect URI and "
        "its scope read_user."
    )


def _account(user: Mapping[str, Any]) -> Account:
    number, username = user.get("id"), user.get("username")
    if not isinstance(number, int) or not isinstance(username, str):
        raise TransientError("GitLab's answer about an account is not of the documented form.")
    if user.get("state") != "active" or user.get("bot"):
        raise UserError(
            f"The GitLab account {username} is blocked or not a person's.",
            hint="Sign in to GitLab with your own account, then run `link` again.",
        )
    return Account(number, username)
