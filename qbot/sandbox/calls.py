"""What was asked of each vendor, for `GET /drive/calls` and for tests."""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached a stand-in; `at` is unix seconds, `ms` how long it took."""

    vendor: str
    method: str
    path: str  # with the query string, without the vendor's mount point
    status: int  # 0 when the connection was dropped instead of answered
    at: float
    ms: float


class Calls:
    """The newest requests, oldest first, and how many came in all."""

    def __init__(self, *, keep: int = 100_000) -> None:
        self._calls: deque[Call] = deque(maxlen=keep)
        self.refused: list[str] = []  # what a stand-in did not know: a test fails on any

    def record(self, call: Call) -> None:
        """Append one; the oldest is forgotten beyond the limit."""
        self._calls.append(call)

    def refuse(self, vendor: str, what: str) -> None:
        """Remember something that the stand-in answered 501 to."""
        self.refused.append(f"{vendor}: {what}")

    def select(self, *, vendor: str = "", since: float = 0.0) -> list[dict[str, Any]]:
        """The recorded requests of one vendor (or all) from `since` (unix seconds) on."""
        return [
            asdict(c) for c in self._calls if (not vendor or c.vendor == vendor) and c.at >= since
        ]

    def clear(self) -> None:
        """Forget everything."""
        self._calls.clear()
        self.refused.clear()
