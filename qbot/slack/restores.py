"""`/env restore` and its button: a deleted environment comes back."""

from qbot.domain import actions
from qbot.domain.names import EnvId
from qbot.domain.restore_grammar import Restore
from qbot.operations.restore_requests import RestoreRequests
from qbot.render.blocks import Message
from qbot.render.restores import restorable
from qbot.slack.desk import Desk
from qbot.slack.families import Press
from qbot.slack.grounds import Grounding
from qbot.slack.payload import Body, Delivery


class RestoreDesk:
    """Answers what was typed and pressed."""

    def __init__(self, desk: Desk, grounding: Grounding) -> None:
        self._desk = desk
        self._grounding = grounding

    @property
    def table(self) -> dict[str, Press]:
        """By action id."""
        of_env = self._grounding.of_environment
        return {actions.RESTORE: Press(self._press, submits=True, grounds=of_env)}

    @property
    def _requests(self) -> RestoreRequests:
        return RestoreRequests(self._desk.context, self._desk.requests)

    async def answer(self, command: Restore, delivery: Delivery) -> Message | None:
        """What there is to restore, or None where the card is the answer.

        Raises:
            UserError: it cannot be restored.
        """
        if not command.env:
            within, style = self._desk.context.rules.restorable, self._desk.style
            return restorable(await self._requests.restorable(), style, within=within)
        answer = await self._requests.restore(command.env, delivery.asked)
        return await self._desk.submitted(answer, asker=delivery.asked.actor)

    async def _press(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        answer = await self._requests.restore_this(EnvId(value), delivery.asked)
        return await self._desk.submitted(answer, asker=delivery.asked.actor)
