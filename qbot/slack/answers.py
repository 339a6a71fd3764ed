"""Private answers of operations: refusals and previews."""

from typing_extensions import override

from qbot.domain.operation import Operation
from qbot.domain.people import QBOT, Place
from qbot.domain.ports import Answers
from qbot.domain.release import Shown
from qbot.gateways.slack import SlackGateway
from qbot.render.blocks import Message
from qbot.render.errors import failure, still_looking
from qbot.render.shown import preview_of
from qbot.render.style import Style
from qbot.render.wanted import Wanted, operated
from qbot.slack.private import tell
from qbot.slack.untold import Untold


class SlackAnswers(Answers):
    """By the command's response_url while it works, else as a message to the person."""

    def __init__(self, slack: SlackGateway, style: Style, untold: Untold) -> None:
        self._slack = slack
        self._style = style
        self._untold = untold

    @override
    async def tell(self, op: Operation, error: Exception) -> None:
        """Say why the operation was refused."""
        wanted = self._wanted(op)
        said = failure(error, self._style, reference=op.id, wanted=wanted)
        await self._send(op, said, or_later=True)

    @override
    async def waiting(self, op: Operation, why: str) -> None:
        """Say that the preview is still to come."""
        await self._send(op, still_looking(why, self._wanted(op)))

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
            await self._untold.answer(op.id, op.actor, self._wanted(op), message)

    def _wanted(self, op: Operation) -> Wanted:
        return operated(op, self._style.command)
