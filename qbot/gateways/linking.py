"""What a browser carries while somebody links a GitLab account: signed, short-lived, for one use.

The signatures' key is the secret of Qbot's application in GitLab, so every replica accepts what
another one made. That each is used once is the store's to say: `nonce` is what it remembers.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadData, Signer, TimestampSigner, URLSafeTimedSerializer
from typing_extensions import override

from qbot.domain.people import Actor
from qbot.domain.ports import Clock

LIVES = timedelta(minutes=15)
CALLBACK = "/link/callback"
_NAME = 80  # characters of somebody's name


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whose link it is."""

    actor: Actor
    name: str  # to show; outside text
    nonce: str


class _ClockSigner(TimestampSigner):
    """itsdangerous on Qbot's clock."""

    def __init__(self, *args: Any, now: Callable[[], datetime], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._now = now

    @override
    def get_timestamp(self) -> int:
        return int(self._now().timestamp())


class Invitations:
    """Makes links, and reads what comes back."""

    def __init__(self, *, public_url: str, secret: str, clock: Clock) -> None:
        """Build.

        Args:
            public_url: what leads to Qbot from a browser, without a slash at its end.
            secret: of the application in GitLab.
            clock: for how old a link is.

        Raises:
            ValueError: an empty secret, with which anybody could sign.
        """
        if not secret:
            raise ValueError("a secret is needed")
        self.public_url = public_url
        self._secret = secret
        self._links = self._serializer("invitation", clock)
        self._states = self._serializer("state", clock)

    @property
    def callback(self) -> str:
        """The redirect URI that the application in GitLab has to name."""
        return f"{self.public_url}{CALLBACK}"

    def invite(self, actor: Actor, name: str) -> str:
        """A link for this person alone, to be shown to nobody else."""
        facts = [actor.team, actor.user, name[:_NAME], secrets.token_urlsafe(18)]
        return f"{self.public_url}/link/{self._links.dumps(facts)}"

    def invited(self, token: str) -> Invitation | None:
        """Whose link this is; None: nobody's, or too old."""
        return _read(self._links, token)

    def state(self, invitation: Invitation) -> str:
        """What GitLab hands back along with its answer."""
        actor = invitation.actor
        facts = [actor.team, actor.user, invitation.name, invitation.nonce]
        return str(self._states.dumps(facts))

    def returned(self, state: str) -> Invitation | None:
        """Whose answer this is; None: nobody's, or too old."""
        return _read(self._states, state)

    def verifier(self, invitation: Invitation) -> str:
        """PKCE's secret (RFC 7636), which leaves Qbot only towards GitLab itself."""
        return self._derived("verifier", invitation.nonce)

    def browser(self, invitation: Invitation) -> str:
        """What only the browser has that pressed the button."""
        return self._derived("browser", invitation.nonce)

    def is_browser(self, invitation: Invitation, cookie: str) -> bool:
        """Whether the cookie is that browser's."""
        given = cookie.encode(errors="surrogateescape")
        return hmac.compare_digest(self.browser(invitation).encode(), given)

    def _derived(self, purpose: str, nonce: str) -> str:
        signer = Signer(
            self._secret,
            salt=f"qbot.link.{purpose}",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
        return signer.get_signature(nonce).decode()

    def _serializer(self, purpose: str, clock: Clock) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._secret,
            salt=f"qbot.link.{purpose}",
            signer=_ClockSigner,
            signer_kwargs={
                "now": clock.now,
                "key_derivation": "hmac",
                "digest_method": hashlib.sha256,
            },
        )


def _read(serializer: URLSafeTimedSerializer, token: str) -> Invitation | None:
    try:
        team, user, name, nonce = serializer.loads(token, max_age=int(LIVES.total_seconds()))
    except BadData:
        return None
    return Invitation(Actor(team, user), name, nonce)
