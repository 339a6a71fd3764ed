"""The signature of a delivery, in the form of https://www.standardwebhooks.com/."""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode

PREFIX = "whsec_"
_KEY_BYTES = 32


def key_of(signing_token: str) -> bytes | None:
    """The key in a signing token; None where it is not one."""
    if not signing_token.startswith(PREFIX):
        return None
    try:
        key = b64decode(signing_token.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return None
    return key if len(key) == _KEY_BYTES else None


def sign(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    content = f"{webhook_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return f"v1,{b64encode(digest).decode()}"
