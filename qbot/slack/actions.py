"""Buttons and menus. A value holds an id; everything else is read anew when it is pressed."""

from typing import Any

import structlog

from qbot.domain import actions
from qbot.domain.commands import SPECS
from qbot.domain.inputs import SyncInput
from qbot.domain.names import EnvId, OpId
from qbot.domain.operation import Operation
from qbot.domain.progress import End, Kind, Progress, Stage
from qbot.errors import QbotError, UserError
from qbot.operations.inspect import inspect
from qbot.render.blocks import Message
from qbot.render.details import Details, details, loading
from qbot.render.helping import help_all
from qbot.render.listing import Page
from qbot.slack import payload
from qbot.slack.desk import Desk
from qbot.slack.forms import Forms
from qbot.slack.payload import Body, Delivery

log = structlog.get_logger()
_DIGITS = 4  # of a page number
_LINKS = frozenset({actions.OPEN, actions.ARGOCD, actions.PIPELINE})
_SUBMITS = frozenset({actions.RETRY, actions.RESUME, actions.DELETE, actions.DELETE_CONFIRM})
_PAGES = frozenset({actions.DETAILS_REFRESH, actions.DETAILS_BACK, actions.DETAILS_ON})


def submits(action_id: str) -> bool:
    """Whether the press becomes an operation, whose key tells a repeated delivery."""
    return action_id in _SUBMITS


class Actions:
    """Answers what was pressed."""

    def __init__(self, desk: Desk, forms: Forms) -> None:
        self._desk = desk
        self._forms = forms

    async def answer(self, body: Body, delivery: Delivery) -> Message | None:
        """The private answer, or None where something else shows the effect.

        Raises:
            UserError: what the button stands for is over.
        """
        action_id = str(payload.first_action(body).get("action_id", ""))
        value = payload.value(body)
        if action_id in _LINKS:
            return None  # the press has opened the link already
        if action_id in _SUBMITS:
            return await self._submit(action_id, value, delivery)
        if action_id in _PAGES:
            return await self._turn(body, value)
        return await self._plain(action_id, value, delivery)

    async def _plain(self, action_id: str, value: str, delivery: Delivery) -> Message | None:
        desk, asked = self._desk, delivery.asked
        match action_id:
            case actions.DETAILS:
                return await self._details(OpId(value), delivery)
            case actions.CANCEL:
                await desk.requests.cancel(await self._operation(OpId(value)), asked.actor)
                return None
            case actions.KEEP:
                desk.later(self._withdraw(asked.place.response_url))
                return None
            case actions.SHOW:
                return await desk.shown(await desk.requests.by_id(EnvId(value)))
            case actions.LIST:
                return await desk.listed(Page(0, "all"), asked.actor)
            case actions.LIST_BACK | actions.LIST_ON:
                page = await desk.listed(Page.parse(value), asked.actor)
                desk.later(desk.whisper(delivery, page, replace=True))
                return None
            case actions.CREATE_FORM:
                return await self._forms.open_create(delivery)
            case actions.DELETE_FORM:
                return await self._forms.open_delete(delivery)
            case actions.HELP:
                return help_all(SPECS, desk.style)
            case _:
                return None  # a menu or box inside a form: read when it is submitted

    async def _submit(self, action_id: str, value: str, delivery: Delivery) -> Message | None:
        desk, asked = self._desk, delivery.asked
        if action_id in (actions.DELETE, actions.DELETE_CONFIRM):
            answer = await desk.requests.teardown(EnvId(value), asked)
            if action_id == actions.DELETE_CONFIRM:
                desk.later(self._withdraw(asked.place.response_url))
            return await desk.submitted(answer)
        operation = await self._operation(OpId(value))
        wanted = _again(operation, resume=action_id == actions.RESUME)
        if operation.env is None:
            raise UserError("There is nothing to retry.")
        await self._newest(operation)
        answer = await desk.requests.resume(operation.env, wanted, asked)
        return await desk.submitted(answer)

    async def _newest(self, operation: Operation) -> None:
        """An older card's button would repeat what somebody has gone on from."""
        env = await self._desk.requests.by_id(operation.env) if operation.env else None
        newest = await self._desk.context.store.operations(env.id, limit=1) if env else []
        if env and newest and newest[0].id != operation.id and newest[0].end is not None:
            raise UserError(
                "That card is out of date: something was done to this environment since.",
                hint=f"`show {env.branch}` says how it is now.",
            )

    async def _details(self, op: OpId, delivery: Delivery) -> Message | None:
        """A trigger lives three seconds and Argo CD may take longer: open first, then fill."""
        operation = await self._operation(op)
        shown = operation.progress
        branch = shown.branch if isinstance(shown, Progress) else ""
        instead = f"show {branch or 'feat/checkout'}"
        view_id = await self._desk.open_view(delivery, loading(op, branch), instead=instead)
        self._desk.later(self._fill(op, view_id, 0))
        return None

    async def _turn(self, body: Body, value: str) -> Message | None:
        view = body.get("view") or {}
        op = OpId(str(view.get("private_metadata", "")))
        page = int(value) if value.isdecimal() and len(value) <= _DIGITS else 0
        self._desk.later(self._fill(op, str(view.get("id", "")), page))
        return None

    async def _fill(self, op: OpId, view_id: str, page: int) -> None:
        found = await self._desk.tried(self._view(op, page))
        if isinstance(found, Message):
            found = {**loading(op, ""), "blocks": list(found.blocks)}
        try:
            await self._desk.slack.update_view(view_id, found)
        except QbotError as error:
            log.info("details not shown", op=op, error=str(error))  # closed meanwhile, mostly

    async def _view(self, op: OpId, page: int) -> dict[str, Any]:
        operation = await self._operation(op)
        context, progress = self._desk.context, operation.progress
        env = await context.store.environment(operation.env) if operation.env else None
        if env is None or progress is None:
            raise UserError("Nothing is known of it any more.")
        if not env.phase.alive:
            shown = Details(
                op=operation.id,
                branch=env.branch,
                services=progress.services,
                as_of=progress.updated_at,
                trouble="This environment has been deleted; this is how it was.",
                page=page,
            )
            return details(shown, self._desk.style)
        found = await inspect(context, env)
        shown = Details(
            op=operation.id,
            branch=env.branch,
            services=found.services,
            as_of=found.as_of,
            trouble=found.trouble,
            page=page,
        )
        return details(shown, self._desk.style)

    async def _operation(self, op: OpId) -> Operation:
        found = await self._desk.context.store.operation(op)
        if found is None:
            raise UserError("That card is too old: nothing is known of it any more.")
        return found

    async def _withdraw(self, response_url: str) -> None:
        """The question has been answered; where it cannot be removed it does no harm."""
        try:
            await self._desk.slack.withdraw(response_url)
        except QbotError as error:
            log.info("a question stays", error=str(error))


def _again(operation: Operation, *, resume: bool) -> SyncInput:
    """Retry does what failed; Resume makes what is missing at the commits of then."""
    if resume:
        return SyncInput(resume=True)
    before = operation.input if isinstance(operation.input, SyncInput) else SyncInput()
    progress = operation.progress
    if operation.kind is Kind.TEARDOWN or operation.end is End.SUCCEEDED or progress is None:
        return before
    failed = tuple(s.service for s in progress.services if s.stage is not Stage.READY)
    return SyncInput(services=failed, prune=before.prune, hard=before.hard, retry=True)
