"""From a payload to the work that the guard runs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from qbot.domain import actions as ids
from qbot.domain.commands import parse
from qbot.errors import UserError
from qbot.render.blocks import Message
from qbot.slack import actions, commands, payload
from qbot.slack.actions import Actions
from qbot.slack.commands import Commands
from qbot.slack.desk import Desk
from qbot.slack.forms import Forms
from qbot.slack.payload import Body, Delivery


@dataclass(frozen=True, slots=True)
class Work:
    """What to do; `once` says that a repeated delivery is to be dropped before it."""

    run: Callable[[], Awaitable[Message | None]]
    once: bool


@dataclass(slots=True)
class Submitted:
    """What a form answers to its inputs, by block id."""

    errors: dict[str, str] = field(default_factory=dict)


class Listeners:
    """One method a kind of payload."""

    def __init__(self, desk: Desk) -> None:
        self._forms = Forms(desk)
        self._commands = Commands(desk, self._forms)
        self._actions = Actions(desk, self._forms)

    def command(self, text: str, delivery: Delivery) -> Work:
        """A typed line."""
        try:
            command = parse(text)
        except UserError as error:
            return Work(_refused(error), once=True)

        async def run() -> Message | None:
            return await self._commands.answer(command, delivery)

        return Work(run, once=not commands.submits(command))

    def action(self, body: Body, delivery: Delivery) -> Work:
        """A press."""
        action_id = str(payload.first_action(body).get("action_id", ""))

        async def run() -> Message | None:
            return await self._actions.answer(body, delivery)

        return Work(run, once=not actions.submits(action_id))

    def form(self, body: Body, delivery: Delivery, outcome: Submitted) -> Work:
        """A submitted form. Its errors go to `outcome`; a repeated one submits nothing new."""
        view: dict[str, Any] = body.get("view") or {}
        submit = {
            ids.CREATE_SUBMIT: self._forms.create,
            ids.DELETE_SUBMIT: self._forms.delete,
        }[str(view.get("callback_id", ""))]

        async def run() -> Message | None:
            outcome.errors, reply = await submit(payload.inputs(view), delivery)
            return reply

        return Work(run, once=False)


def _refused(error: UserError) -> Callable[[], Awaitable[Message | None]]:
    async def run() -> Message | None:
        raise error

    return run
