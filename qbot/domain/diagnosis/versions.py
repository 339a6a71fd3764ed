"""Which versions of Argo CD are known to be unsafe for Qbot's account. Pure.

Ranges are those of the CVE records (https://www.cve.org/CVERecord?id=...).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

Version = tuple[int, int, int]
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_OLDEST: Version = (2, 13, 9)  # older lines got no fix of the first flaw below


@dataclass(frozen=True, slots=True)
class Flaw:
    """One published flaw. `fixed`: the first good version of each line that has it."""

    cve: str
    why: str
    fixed: tuple[Version, ...]


_FLAWS = (
    Flaw(
        "CVE-2025-55190",
        "a token that may `get` projects, as Qbot's does, reads credentials of repositories",
        ((2, 13, 9), (2, 14, 16), (3, 0, 14), (3, 1, 2)),
    ),
    Flaw(
        "CVE-2026-42880",
        "who may only read Applications reads Secrets by a server-side diff",
        ((3, 2, 11), (3, 3, 9)),
    ),
)


def version_of(text: str) -> Version | None:
    """`v3.5.1+109ca7c` -> (3, 5, 1); None: it is no such text."""
    found = _VERSION.match(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def flaws(version: Version) -> Iterator[tuple[Flaw, Version]]:
    """Those that it has, with the first version of its line without them."""
    for flaw in _FLAWS:
        line = {fixed[:2]: fixed for fixed in flaw.fixed}
        fixed = line.get(version[:2])
        if fixed is not None and version < fixed:
            yield flaw, fixed
    if version[:2] < _OLDEST[:2]:
        yield _FLAWS[0], _OLDEST


def told(version: Version) -> str:
    """As people write it."""
    return ".".join(map(str, version))
