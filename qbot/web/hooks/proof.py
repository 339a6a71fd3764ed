"""Whether GitLab sent a webhook: by its secret token, or signed as Standard Webhooks say.

https://docs.gitlab.com/user/project/integrations/webhooks/: id and time are on every delivery,
and only the header `webhook-signature` says that it is signed. Pure.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Mapping
from datetime import datetime

FRESH = 300  # seconds that a signature is good for, either way
SIGNATURE = "webhook-signature"
SIGNING = "whsec_"  # what a signing token begins with
_STAMP_DIGITS = 12
_MOST_SIGNATURES = 8  # in one header: several while a key is being changed
_LONGEST_ID = 256


def signing_key(token: str) -> bytes:
    """The key of a `whsec_` token.

    Raises:
        ValueError: what follows is not base64 of a key.
    """
    try:
        key = base64.b64decode(token.removeprefix(SIGNING), validate=True)
    except binascii.Error:
        raise ValueError("is not whsec_ followed by base64") from None
    if not key:
        raise ValueError("is an empty signing token")
    return key


class Proof:
    """What a sender has to know: one of the secret tokens or one of the signing tokens."""

    def __init__(self, secrets: Collection[str]) -> None:
        """Take both kinds.

        Raises:
            ValueError: none, an empty one, or a signing token that is not one.
        """
        if not secrets or not all(secrets):
            raise ValueError("a secret is needed")
        self._tokens = [s.encode() for s in secrets if not s.startswith(SIGNING)]
        self._keys = [signing_key(s) for s in secrets if s.startswith(SIGNING)]

    def beforehand(self, headers: Mapping[str, str], now: datetime) -> str:
        """Why it is refused whatever its body is; empty: nothing speaks against it yet."""
        if SIGNATURE not in headers:
            return "" if self._has_token(headers) else "token"
        if not self._keys:
            return "signature"
        stamp = headers.get("webhook-timestamp", "")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= _STAMP_DIGITS):
            return "signature"
        if not 0 < len(headers.get("webhook-id", "")) <= _LONGEST_ID:
            return "signature"
        return "" if abs(now.timestamp() - int(stamp)) <= FRESH else "stale"

    def refusal(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """Why it is refused; empty: it is GitLab's."""
        if why := self.beforehand(headers, now):
            return why
        if SIGNATURE not in headers:
            return ""
        return "" if self._is_signed(headers, body) else "signature"

    def _has_token(self, headers: Mapping[str, str]) -> bool:
        given = headers.get("X-Gitlab-Token", "").encode(errors="surrogateescape")
        found = [hmac.compare_digest(given, token) for token in self._tokens]
        return any(found)

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        head = f"{headers['webhook-id']}.{headers['webhook-timestamp']}."
        base = head.encode(errors="surrogateescape") + body
        wanted = [
            b"v1," + base64.b64encode(hmac.new(key, base, hashlib.sha256).digest())
            for key in self._keys
        ]
        given = headers[SIGNATURE].encode(errors="surrogateescape").split()[:_MOST_SIGNATURES]
        found = [hmac.compare_digest(one, other) for one in given for other in wanted]
        return any(found)


def delivery_key(headers: Mapping[str, str], body: bytes) -> str:
    """What tells one delivery from another, and not from itself when it comes again.

    GitLab before 17.4 sends no id: then the same body is the same delivery.
    """
    told = headers.get("webhook-id") or headers.get("Idempotency-Key") or ""
    what = told.encode(errors="surrogateescape") or body
    return f"gitlab:{'id' if told else 'body'}:{hashlib.sha256(what).hexdigest()[:40]}"
