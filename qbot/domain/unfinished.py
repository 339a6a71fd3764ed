"""What Slack was told to have arrived before it was done: a port."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qbot.errors import QbotError


class DoneBeforeError(QbotError):
    """The same delivery has done it; somebody may have said another word since, and that stands."""


@dataclass(frozen=True, slots=True)
class Came:
    """One delivery, as it came; its `key` tells it when it comes again."""

    key: str
    way: str  # which of Slack's payloads it is
    body: str  # JSON
    at: datetime


class UnfinishedRows(Protocol):
    """Written down before the acknowledgement. Every call may raise TransientError."""

    async def keep(self, came: Came, worker: str) -> bool:
        """This worker is at it; the same delivery again changes nothing, and is told by False."""

    async def done(self, key: str) -> None:
        """It has had its effect, or its answer."""

    async def left(self, worker: str) -> Sequence[Came]:
        """What no living worker is at, oldest first; from now on this one is."""
