"""The messages' rows, by who needs them. Every call may raise TransientError."""

from collections.abc import Sequence
from typing import Protocol

from qbot.domain.names import OpId
from qbot.domain.operation import BoardRow, CardRow


class Leadership(Protocol):
    """One dispatcher at a time may write to Slack."""

    async def lead(self, worker: str, seconds: float) -> bool:
        """Take or renew the dispatcher's lease; False while another worker holds it.

        Zero seconds let go of it.
        """


class CardLookup(Protocol):
    """Where a card is."""

    async def card(self, op: OpId) -> CardRow | None:
        """By operation."""


class CardQueue(Protocol):
    """What there is to show."""

    async def behind(self) -> Sequence[CardRow]:
        """Cards whose message or end reply is missing or old; ended ones first."""

    async def running(self) -> Sequence[CardRow]:
        """Cards of all operations that have not ended, behind or not, oldest first."""


class CardRecords(Protocol):
    """What became of one message; written by the one dispatcher."""

    async def trying(self, op: OpId, *, end: bool) -> None:
        """Written before a message (or the end reply) is posted."""

    async def posted(
        self, op: OpId, *, end: bool, channel: str, ts: str, version: int, shown_hash: str
    ) -> None:
        """Written once Slack has answered a post."""

    async def shown(self, op: OpId, *, version: int, shown_hash: str) -> None:
        """The message shows this version now."""

    async def leave(self, op: OpId, *, version: int, end: bool) -> None:
        """Let this version, and with `end` a missing end, count as shown: Slack refuses it."""

    async def move(self, op: OpId, channel: str) -> None:
        """The message cannot be where it was wanted or is lost: post it anew, there."""


class Boards(Protocol):
    """The messages that stand for many cards."""

    async def boards(self) -> Sequence[BoardRow]:
        """Every channel's board that was ever begun."""

    async def save_board(self, board: BoardRow) -> None:
        """Write one channel's board, replacing what was known of it."""


class Cards(Leadership, CardLookup, CardQueue, CardRecords, Boards, Protocol):
    """All that the dispatcher needs."""
