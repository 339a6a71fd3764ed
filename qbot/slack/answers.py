"""Private answers of operations: refusals and previews."""

import asyncio

from typing_extensions import override

from qbot.domain.card_ports import CardLookup
from qbot.domain.inputs import is_dry
from qbot.domain.operation import Operation
from qbot.domain.people import QBOT, Place
from qbot.domain.ports import Answers
from qbot.domain.release import Shown
from qbot.errors import QbotError
from qbot.gateways.slack import SlackGateway
from qbot.render.blocks import Message
from qbot.render.errors import failure, still
from qbot.render.shown import preview_of
from qbot.render.style import Style
from qbot.slack.names import Names
from qbot.slack.private import tell
from qbot.slack.still import Still
from qbot.slack.untold import Untold

_POSTING = 1.0  # seconds, in which Slack takes a card as a rule


class SlackAnswers(Answers):
    """By the command's response_url while it works, else as a message to the person."""

    def __init__(
        self,
        slack: SlackGateway,
        style: Style,
        *,
        cards: CardLookup,
        names: Names,
        still: Still,
        untold: Untold,
    ) -> None:
        self._slack = slack
        self._style = style
        self._cards = cards
        self._names = names
        self._still = still
        self._untold = untold

    @override
    async def tell(self, op: Operation, error: Exception) -> None:
        """Say why the operation was refused, unless its card and its thread do."""
        if await self._has_card(op):
            return
        wanted = await self._names.of(op)
        said = failure(error, self._style, reference=op.id, wanted=wanted)
        await self._send(op, said, or_later=True)

    @override
    async def waiting(self, op: Operation, why: str) -> None:
        """Say that the preview is still to come."""
        if self._still.first(op.place, op.id):
            await self._send(op, still(await self._names.of(op), why))

    @override
    async def preview(self, op: Operation, progress: Shown) -> None:
        """Show what a dry run would do."""
        await self._send(op, preview_of(progress, self._style), or_later=True)

    async def _send(self, op: Operation, message: Message, *, or_later: bool = False) -> None:
        """Not in the channel: the person may be gone by now, and such a message with them."""
        if op.actor == QBOT:
            return  # nobody asked; the log and the audit log have it
        place = Place("", op.place.response_url)
        if not await tell(self._slack, op.actor, place, message) and or_later:
            await self._untold.answer(op.id, op.actor, await self._names.of(op), message)

    async def _has_card(self, op: Operation) -> bool:
        """Whether one stands, which no refusal takes back; one that is on its way will in a moment.

        Where Slack does not take it for longer, nobody is kept waiting for it.
        """
        if is_dry(op.input):
            return False
        try:
            row = await self._cards.card(op.id)
            if row is not None and row.trying and not row.ts:
                await asyncio.sleep(_POSTING)
                row = await self._cards.card(op.id)
        except QbotError:  # told twice is better than not at all
            return False
        return row is not None and bool(row.ts)
