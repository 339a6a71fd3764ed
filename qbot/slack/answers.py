"""Private answers of operations: refusals and previews."""

import asyncio
from functools import partial

from typing_extensions import override

from qbot.domain.barriers import BarredError
from qbot.domain.card_ports import CardLookup
from qbot.domain.inputs import is_dry
from qbot.domain.operation import Operation
from qbot.domain.people import QBOT, Actor, Place
from qbot.domain.policy import RefusedError
from qbot.domain.ports import Answers
from qbot.domain.release import Shown
from qbot.errors import QbotError, UserError
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
_SHOWN = 400  # characters of a reason, on any card and in its thread


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
        """Say why the operation was refused, unless its card says all of it where it was asked."""
        if _fits(error) and await self._has_card(op):
            return
        wanted = await self._names.of(op)
        said = failure(error, self._style, reference=op.id, wanted=wanted)
        await self._send(op, said, final=True)

    @override
    async def waiting(self, op: Operation, why: str) -> None:
        """Say that the preview is still to come."""
        await self._still.once(op.place, op.id, partial(self._wait, op, why))

    async def _wait(self, op: Operation, why: str) -> None:
        await self._send(op, still(await self._names.of(op), why))

    @override
    async def preview(self, op: Operation, progress: Shown) -> None:
        """Show what a dry run would do."""
        await self._send(op, preview_of(progress, self._style), final=True)

    async def _send(self, op: Operation, message: Message, *, final: bool = False) -> None:
        """Not in the channel: the person may be gone by now, and such a message with them."""
        if op.actor == QBOT:
            return  # nobody asked; the log and the audit log have it
        if final:
            await self._still.over(op.place, op.id)
        place = Place("", op.place.response_url)
        if not await tell(self._slack, op.actor, place, message) and final:
            await self._untold.answer(op.id, op.actor, await self._names.of(op), message)

    async def _has_card(self, op: Operation) -> bool:
        """Whether one stands where the asker sees it, which no refusal takes back.

        One that is on its way will in a moment; where Slack does not take it for longer, nobody is
        kept waiting for it.
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
        seen = (op.place.channel, op.actor.user)  # not the stage's channel: they may not be in it
        return row is not None and bool(row.ts) and row.channel in seen


def _fits(error: Exception) -> bool:
    """Whether a card and its thread, which are given words alone, show all of a refusal."""
    match error:
        case BarredError() | RefusedError(owner=Actor()):  # by whom, until when, whom to ask
            return False
        case UserError(only=()):
            return len(f"{error} {error.hint}") <= _SHOWN
        case _:
            return False
