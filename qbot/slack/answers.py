"""Private answers of operations: refusals and previews, best effort."""

import structlog
from typing_extensions import override

from qbot.domain.operation import Operation
from qbot.domain.ports import Answers
from qbot.domain.progress import Progress
from qbot.errors import PermanentError, TransientError, UserError
from qbot.gateways.slack import SlackGateway
from qbot.render.blocks import Message
from qbot.render.errors import failure
from qbot.render.preview import preview
from qbot.render.style import Style

log = structlog.get_logger()


class SlackAnswers(Answers):
    """By the command's response_url while it works, else as a message to the person."""

    def __init__(self, slack: SlackGateway, style: Style) -> None:
        self._slack = slack
        self._style = style

    @override
    async def tell(self, op: Operation, error: Exception) -> None:
        """Say why the operation was refused."""
        await self._send(op, failure(error, self._style, reference=op.id))

    @override
    async def preview(self, op: Operation, progress: Progress) -> None:
        """Show what a dry run would do."""
        await self._send(op, preview(progress, self._style))

    async def _send(self, op: Operation, message: Message) -> None:
        try:
            if op.place.response_url:
                await self._slack.respond(op.place.response_url, message)
                return
        except (UserError, TransientError, PermanentError) as error:
            log.info("response url did not take the answer", op=op.id, error=str(error))
        try:
            await self._slack.post(op.actor.user, message)
        except (UserError, TransientError, PermanentError) as error:
            log.warning("answer not delivered", op=op.id, error=str(error))
