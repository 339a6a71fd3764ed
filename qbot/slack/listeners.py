"""From a payload to the work that the guard runs."""

from dataclasses import dataclass, field
from typing import Any

from qbot.domain import actions as ids
from qbot.domain.commands import parse
from qbot.errors import QbotError
from qbot.slack import actions, commands, payload
from qbot.slack.actions import Actions
from qbot.slack.commands import Commands
from qbot.slack.desk import Desk
from qbot.slack.forms import Forms, InputError
from qbot.slack.guard import Reply, Work
from qbot.slack.payload import Body, Delivery

FORMS = (ids.CREATE_SUBMIT, ids.DELETE_SUBMIT)


@dataclass(slots=True)
class Submitted:
    """What a form answers to its inputs, by block id."""

    errors: dict[str, str] = field(default_factory=dict)


class Listeners:
    """One method a kind of payload."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._forms = Forms(desk)
        self._commands = Commands(desk, self._forms)
        self._actions = Actions(desk, self._forms)

    def command(self, text: str, delivery: Delivery) -> Work:
        """A typed line.

        Raises:
            UserError: it is no command.
        """
        command = parse(text)

        async def run() -> Reply:
            return await self._commands.answer(command, delivery)

        return Work(run, once=not commands.submits(command))

    def action(self, body: Body, delivery: Delivery) -> Work:
        """A press."""
        action_id = str(payload.first_action(body).get("action_id", ""))

        async def run() -> Reply:
            return await self._actions.answer(body, delivery)

        return Work(run, once=not actions.submits(action_id))

    def form(self, body: Body, delivery: Delivery, outcome: Submitted) -> Work:
        """A submitted form. Its errors go to `outcome`; a repeated one submits nothing new."""
        view: dict[str, Any] = body.get("view") or {}
        creates = view.get("callback_id") == ids.CREATE_SUBMIT
        submit = self._forms.create if creates else self._forms.delete

        async def run() -> Reply:
            try:
                return await submit(payload.inputs(view), delivery)
            except QbotError as error:
                first = ids.BRANCH_INPUT if creates else ids.ENVIRONMENT_INPUT
                shown = error.field if isinstance(error, InputError) else first
                outcome.errors = {shown: self._desk.plain(error)}
                raise

        return Work(run, once=False)
