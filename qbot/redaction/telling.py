"""Which keys tell that their value is a secret: the one list for texts and for manifests."""

import re

_WORDS = (
    r"passw|passphrase|passcode|(?:^|[_.-])(?:pass|pw)$|pwd|secret|credential|token(?!i[sz])"
    r"|signature|sess(?:ion)?[_-]?id"
    r"|(?:api|private|access|signing|encryption|shared|account|master|license|secret|auth)[_-]?key"
    r"|dockerconfigjson|dockercfg"
)
_REFERENCE = re.compile(
    r"(?i)(?:names?|refs?|path|file|policy|ttl|length|enabled|type|version|expiry|seconds|audience"
    r"|issuer|namespace|class|provider|url|mount|mode|rotation|algorithm|left|count|limit|used"
    r"|[a-z]sizes?)$"
    r"|^existing_?secret|pullsecrets?$|^externalsecrets?$|^serviceaccounttoken$|^secret_?stores?$"
    r"|^(?:max|min|total|input|output|prompt|completion)_?tokens$"
)
_TELLING = re.compile(rf"(?i){_WORDS}")
_HEADER = re.compile(
    r"(?i)(?:proxy-)?authorization|(?:set-)?cookie|(?:x-|private-|job-|deploy-)[\w-]*"
    r"(?:key|token|secret|signature|auth|password|authorization|cookie)"
)
_LAST = re.compile(rf"(?i)(?:{_WORDS})(?:ord|d)?s?$")


def hints(key: str) -> bool:
    """Whether a key speaks of secrets, be it that it only says which."""
    return bool(_TELLING.search(key))


def refers(key: str) -> bool:
    """Whether a key that speaks of secrets names one or says how it is kept."""
    return bool(_REFERENCE.search(key))


def tells(key: str) -> bool:
    """Whether a value under this key is a secret, as far as its name says."""
    return hints(key) and not refers(key)


def is_header(key: str) -> bool:
    """Whether this is a header of HTTP whose whole line is a secret."""
    return bool(_HEADER.fullmatch(key))


def ends_telling(key: str) -> bool:
    """Whether the secret is what the key is about, unlike the service `token-api`."""
    return bool(_LAST.search(key))
