"""The create and delete forms: opened within three seconds, checked like the commands."""

from datetime import timedelta
from typing import Any

from qbot.domain import actions, grammar
from qbot.domain.commands import Create
from qbot.domain.names import EnvId, ServiceName, branch_name
from qbot.errors import UserError
from qbot.render.blocks import Message
from qbot.render.modals import CreateForm, create_form, delete_form
from qbot.slack.desk import Desk
from qbot.slack.payload import Delivery

_LIFETIMES = tuple(timedelta(days=d) for d in (1, 2, 3, 7, 14))
_OFFERED = 100


class Forms:
    """Opens them and reads what comes back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def open_create(self, delivery: Delivery, *, branch: str = "") -> Message | None:
        """The form behind `create` without a branch."""
        context = self._desk.context
        rows = await context.store.environments()
        form = CreateForm(
            channel=delivery.asked.place.channel,
            services=list(context.catalog),
            environments=[r.environment for r in rows][:_OFFERED],
            lifetimes=_LIFETIMES,
            lifetime=context.rules.ttl if context.rules.ttl in _LIFETIMES else None,
            branch=branch,
        )
        await self._desk.slack.open_view(delivery.trigger_id, create_form(form))
        return None

    async def open_delete(self, delivery: Delivery) -> Message | None:
        """The form behind `delete` without an environment: one's own first."""
        rows = [r.environment for r in await self._desk.context.store.environments()]
        rows.sort(key=lambda e: e.owner != delivery.asked.actor)
        view = delete_form(delivery.asked.place.channel, rows[:_OFFERED])
        await self._desk.slack.open_view(delivery.trigger_id, view)
        return None

    async def create(
        self, inputs: dict[str, Any], delivery: Delivery
    ) -> tuple[dict[str, str], Message | None]:
        """Submit the create form; errors are keyed by the input that they belong to."""
        try:
            wanted = _wanted(inputs)
        except UserError as error:
            return {actions.BRANCH_INPUT: _one_line(error)}, None
        try:
            answer = await self._desk.requests.create(wanted, delivery.asked)
        except UserError as error:
            return {actions.BRANCH_INPUT: _one_line(error)}, None
        return {}, await self._desk.submitted(answer, delivery.asked.actor)

    async def delete(
        self, inputs: dict[str, Any], delivery: Delivery
    ) -> tuple[dict[str, str], Message | None]:
        """Submit the delete form."""
        env = EnvId(str(inputs.get(actions.ENVIRONMENT_INPUT) or ""))
        try:
            answer = await self._desk.requests.teardown(env, delivery.asked)
        except UserError as error:
            return {actions.ENVIRONMENT_INPUT: _one_line(error)}, None
        return {}, await self._desk.submitted(answer, delivery.asked.actor)


def _wanted(inputs: dict[str, Any]) -> Create:
    ttl = inputs.get(actions.TTL_INPUT)
    return Create(
        branch=branch_name(str(inputs.get(actions.BRANCH_INPUT) or "").strip()),
        source=str(inputs.get(actions.FROM_INPUT) or ""),
        services=tuple(ServiceName(s) for s in inputs.get(actions.SERVICES_INPUT) or ()),
        ttl=grammar.duration(str(ttl), option="ttl") if ttl else None,
        dry_run=bool(inputs.get(actions.DRY_RUN_INPUT)),
    )


def _one_line(error: UserError) -> str:
    """Slack shows plain text below an input: no code spans."""
    return f"{error} {error.hint}".replace("`", "").strip()[:300]
