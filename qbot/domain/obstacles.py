"""What a running sync waits for: Argo CD's message taken apart.

The sentences are those of gitops-engine `pkg/sync/sync_context.go`; all of them name a resource
as `group/Kind/name`, with an empty group for the core kinds.
"""

import re
from dataclasses import dataclass

_SENTENCE = re.compile(
    r"waiting for (?P<what>completion of hook|healthy state of|deletion of"
    r"|pruning confirmation of) (?:[^/\s]*/)?(?P<kind>[^/\s]+)/(?P<name>[^/\s]+)"
    r"(?: and (?P<more>\d+) more)?"
)
_WORDS = {
    "completion of hook": "hook {0}",
    "healthy state of": "{0} to become healthy",
    "deletion of": "{0} to be deleted",
    "pruning confirmation of": "somebody to confirm that {0} may be pruned",
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The resource in the way, and how many more there are."""

    what: str  # Argo CD's words, for instance "completion of hook"
    kind: str
    name: str
    more: int = 0

    @property
    def words(self) -> str:
        """Fits behind "waits for"."""
        more = f" and {self.more} more" if self.more else ""
        return _WORDS[self.what].format(f"{self.kind}/{self.name}{more}")


def obstacle(message: str) -> Obstacle | None:
    """The obstacle that an operation's message names, if it names one."""
    found = _SENTENCE.search(message)
    if found is None:
        return None
    return Obstacle(found["what"], found["kind"], found["name"], int(found["more"] or 0))


_PASSING = re.compile(
    r"code = (?:Unavailable|DeadlineExceeded|ResourceExhausted|Canceled|Aborted)"
    r"|connection refused|i/o timeout|context deadline exceeded|TLS handshake timeout|no such host",
)


def is_passing(text: str) -> bool:
    """Whether an error of Argo CD's is about one of its neighbours and goes away by itself."""
    return _PASSING.search(text) is not None
