"""Buttons and menus. A value holds an id; everything else is read anew when it is pressed."""

from typing import Any

import structlog

from qbot.domain import actions
from qbot.domain.commands import SPECS, Sync
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
from qbot.slack.desk import Desk
from qbot.slack.families import Press, read_later
from qbot.slack.forms import Forms
from qbot.slack.grounds import Grounding
from qbot.slack.payload import Body, Delivery

log = structlog.get_logger()
_DIGITS = 4  # of a page number
_READ_LATER = (actions.OPEN, actions.ARGOCD, actions.PIPELINE)  # links: the press has opened them
_IN_CREATE = (
    actions.BRANCH_INPUT,
    actions.SERVICES_INPUT,
    actions.SET_INPUT,
    actions.FROM_INPUT,
    actions.TTL_INPUT,
    actions.DRY_RUN_INPUT,
)
_UNDER_WAY = 10  # operations of one environment that may be open at once, and some more


class Actions:
    """Answers what was pressed."""

    def __init__(self, desk: Desk, forms: Forms, grounding: Grounding) -> None:
        self._desk = desk
        self._forms = forms
        self._grounding = grounding

    @property
    def table(self) -> dict[str, Press]:
        """By action id."""
        of_env, of_op = self._grounding.of_environment, self._grounding.of_operation
        own = self._grounding.of_asker
        return {
            actions.DETAILS: Press(self._details),
            actions.DETAILS_REFRESH: Press(self._turn),
            actions.DETAILS_BACK: Press(self._turn),
            actions.DETAILS_ON: Press(self._turn),
            actions.RETRY: Press(self._retry, submits=True, grounds=of_op),
            actions.RESUME: Press(self._resume, submits=True, grounds=of_op),
            actions.CANCEL: Press(self._cancel, submits=True, grounds=of_op),
            actions.DELETE: Press(self._delete, submits=True, grounds=of_env),
            actions.DELETE_CONFIRM: Press(self._confirmed, submits=True, grounds=of_env),
            actions.KEEP: Press(self._keep),
            actions.SHOW: Press(self._show, grounds=of_env),
            actions.SYNC: Press(self._sync, submits=True, grounds=of_env),
            actions.LIST: Press(self._list),
            actions.LIST_BACK: Press(self._page),
            actions.LIST_ON: Press(self._page),
            actions.CREATE_FORM: Press(self._create_form, grounds=own),
            actions.DELETE_FORM: Press(self._delete_form, grounds=own),
            actions.HELP: Press(self._help),
            **dict.fromkeys(_READ_LATER, Press(read_later)),
            **dict.fromkeys(_IN_CREATE, Press(read_later, grounds=own)),
            actions.ENVIRONMENT_INPUT: Press(read_later, grounds=own),
        }

    async def _retry(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        return await self._go_on(value, delivery, resume=False)

    async def _resume(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        return await self._go_on(value, delivery, resume=True)

    async def _go_on(self, value: str, delivery: Delivery, *, resume: bool) -> Message | None:
        operation = await self._operation(OpId(value))
        wanted = _again(operation, resume=resume)
        if operation.env is None:
            raise UserError("There is nothing to retry.")
        await self._newest(operation)
        answer = await self._desk.requests.resume(operation.env, wanted, delivery.asked)
        return await self._desk.submitted(answer)

    async def _cancel(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        operation = await self._operation(OpId(value))
        if operation.kind.of_stage:
            raise UserError("A promotion is withdrawn on its card.")
        await self._desk.requests.cancel(operation, delivery.asked.actor)
        return None

    async def _delete(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        answer = await self._desk.requests.teardown(EnvId(value), delivery.asked)
        return await self._desk.submitted(answer)

    async def _confirmed(self, body: Body, value: str, delivery: Delivery) -> Message | None:
        answer = await self._delete(body, value, delivery)
        await self._keep(body, value, delivery)
        return answer

    async def _keep(self, _: Body, __: str, delivery: Delivery) -> Message | None:
        self._desk.later(self._withdraw(delivery.asked.place.response_url))
        return None

    async def _show(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        env = await self._desk.requests.by_id(EnvId(value))
        return await self._desk.shown(env, delivery.asked.actor)

    async def _sync(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        env = await self._desk.requests.by_id(EnvId(value))
        answer = await self._desk.requests.sync(Sync(env.name), delivery.asked)
        return await self._desk.submitted(answer)

    async def _list(self, _: Body, __: str, delivery: Delivery) -> Message | None:
        return await self._desk.listed(Page(0, "all"), delivery.asked.actor)

    async def _page(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        page = await self._desk.listed(Page.parse(value), delivery.asked.actor)
        self._desk.later(self._desk.whisper(delivery, page, replace=True))
        return None

    async def _create_form(self, _: Body, __: str, delivery: Delivery) -> Message | None:
        return await self._forms.open_create(delivery)

    async def _delete_form(self, _: Body, __: str, delivery: Delivery) -> Message | None:
        return await self._forms.open_delete(delivery)

    async def _help(self, _: Body, __: str, ___: Delivery) -> Message | None:
        return help_all(SPECS, self._desk.style)

    async def _newest(self, operation: Operation) -> None:
        """An older card's button would repeat what somebody has gone on from."""
        env = await self._desk.requests.by_id(operation.env) if operation.env else None
        rows = await self._desk.context.store.worked_on(env.id, limit=_UNDER_WAY) if env else []
        if env and any(row.end and row.created_at > operation.created_at for row in rows):
            raise UserError(
                "That card is out of date: something was done to this environment since.",
                hint=f"`show {env.branch}` says how it is now.",
            )

    async def _details(self, _: Body, value: str, delivery: Delivery) -> Message | None:
        """A trigger lives three seconds and Argo CD may take longer: open first, then fill."""
        op = OpId(value)
        operation = await self._operation(op)
        shown = operation.progress
        branch = shown.branch if isinstance(shown, Progress) else ""
        instead = f"show {branch or 'feat/checkout'}"
        view_id = await self._desk.open_view(delivery, loading(op, branch), instead=instead)
        self._desk.later(self._fill(op, view_id, 0))
        return None

    async def _turn(self, body: Body, value: str, _: Delivery) -> Message | None:
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
            lives=env,
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
    if operation.kind is Kind.TEARDOWN or operation.end is End.SUCCEEDED:
        return before
    if not isinstance(progress, Progress):
        return before
    failed = tuple(s.service for s in progress.services if s.stage is not Stage.READY)
    return SyncInput(
        services=failed,
        prune=before.prune,
        hard=before.hard,
        retry=True,
        creation=operation.purpose is Kind.CREATE,
        goal=progress.goal,
    )
