"""The create and delete forms: opened within three seconds, checked like the commands."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from qbot.domain import actions, grammar
from qbot.domain.commands import Create
from qbot.domain.environment import Environment
from qbot.domain.lifetime import within
from qbot.domain.names import EnvId, ServiceName, branch_name
from qbot.domain.people import Actor
from qbot.domain.rules import known
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.beforehand import look_for_branch, look_for_versions
from qbot.operations.locking import ensure_free
from qbot.operations.rights import NO_GROUNDS, Grounds
from qbot.render.blocks import Message
from qbot.render.modals import CreateForm, create_form, delete_confirmation, delete_form
from qbot.slack.desk import Desk
from qbot.slack.families import Form
from qbot.slack.grounds import Grounding
from qbot.slack.payload import Delivery

_LIFETIMES = tuple(timedelta(days=d) for d in (1, 2, 3, 7, 14))
_OFFERED = 1_000  # environments: menus are in groups of a hundred
_PATIENCE = 1.5  # seconds, of the three in which Slack takes errors of a form


class InputError(UserError):
    """Something about one input of a form; `field` is its block id."""

    def __init__(self, field: str, error: UserError) -> None:
        super().__init__(str(error), hint=error.hint)
        self.field = field


class Forms:
    """Opens them and reads what comes back."""

    def __init__(self, desk: Desk, grounding: Grounding) -> None:
        self._desk = desk
        self._grounding = grounding

    @property
    def table(self) -> dict[str, Form]:
        """By callback id."""
        return {
            actions.CREATE_SUBMIT: Form(self.create, actions.BRANCH_INPUT, self._of_nothing),
            actions.DELETE_SUBMIT: Form(self.delete, actions.ENVIRONMENT_INPUT, self._of_env),
        }

    async def _of_nothing(self, _: dict[str, Any], __: str, ___: Actor) -> Grounds:
        return NO_GROUNDS

    async def _of_env(self, inputs: dict[str, Any], _: str, actor: Actor) -> Grounds:
        env = str(inputs.get(actions.ENVIRONMENT_INPUT) or "")
        return await self._grounding.of_environment(env, actor)

    async def open_create(self, delivery: Delivery) -> Message | None:
        """The form behind `create` without a branch."""
        context = self._desk.context
        rows = await context.store.environments()
        form = CreateForm(
            channel=delivery.asked.place.channel,
            services=list(context.catalog),
            environments=[r.environment for r in rows][:_OFFERED],
            lifetimes=_LIFETIMES,
            lifetime=context.rules.ttl if context.rules.ttl in _LIFETIMES else None,
        )
        await self._desk.open_view(delivery, create_form(form), instead="create feat/checkout")
        return None

    async def open_delete(self, delivery: Delivery) -> Message | None:
        """The form behind `delete` without an environment: one's own first."""
        rows = [r.environment for r in await self._desk.context.store.environments()]
        rows.sort(key=lambda e: e.owner != delivery.asked.actor)
        asked = delivery.asked
        view = delete_form(asked.place.channel, rows[:_OFFERED], asked.actor)
        await self._desk.open_view(delivery, view, instead="delete feat/checkout")
        return None

    async def create(self, inputs: dict[str, Any], _: str, delivery: Delivery) -> Message | None:
        """Submit the create form.

        Raises:
            InputError: naming the input that it is about.
            UserError: about the whole.
        """
        wanted = await self._wanted(inputs)
        await self._look_for(wanted)
        answer = await self._desk.requests.create(wanted, delivery.asked)
        return await self._desk.submitted(answer, wanted, asker=delivery.asked.actor)

    async def _look_for(self, wanted: Create) -> None:
        """Where GitLab needs longer, the operation finds out and tells."""
        with suppress(TransientError, PermanentError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                with _about(actions.BRANCH_INPUT):
                    await look_for_branch(self._desk.context, wanted)
                with _about(actions.SET_INPUT):
                    await look_for_versions(self._desk.context, wanted)

    async def delete(self, inputs: dict[str, Any], _: str, delivery: Delivery) -> Message | None:
        """The delete form names an environment; the question is the one of a typed `delete`.

        Raises:
            UserError: the environment is gone, or somebody else has locked it.
        """
        env = EnvId(str(inputs.get(actions.ENVIRONMENT_INPUT) or ""))
        return await self.question(await self._desk.requests.by_id(env), delivery)

    async def question(self, env: Environment, delivery: Delivery) -> Message:
        """Whether to delete it, asked only of who may at present.

        Raises:
            UserError: somebody else has locked it.
        """
        await ensure_free(self._desk.context.locks, env, delivery.asked.actor)
        return delete_confirmation(env)

    async def _wanted(self, inputs: dict[str, Any]) -> Create:
        with _about(actions.BRANCH_INPUT):
            branch = branch_name(str(inputs.get(actions.BRANCH_INPUT) or "").strip())
        services = tuple(ServiceName(s) for s in inputs.get(actions.SERVICES_INPUT) or ())
        with _about(actions.SERVICES_INPUT):
            known(self._desk.context.catalog, services)
        with _about(actions.SET_INPUT):
            texts = str(inputs.get(actions.SET_INPUT) or "").replace(",", " ").split()
            overrides = grammar.pairs(texts, before="write")
            known(self._desk.context.catalog, tuple(name for name, _ in overrides))
        ttl = str(inputs.get(actions.TTL_INPUT) or "")
        with _about(actions.TTL_INPUT):
            longest = self._desk.context.rules.longest
            lifetime = within(grammar.duration(ttl, option="ttl") if ttl else None, longest)
        return Create(
            branch=branch,
            source=await self._source(str(inputs.get(actions.FROM_INPUT) or "")),
            services=services,
            overrides=overrides,
            ttl=lifetime,
            dry_run=bool(inputs.get(actions.DRY_RUN_INPUT)),
        )

    async def _source(self, env: str) -> str:
        """The menu holds ids; a command names environments."""
        with _about(actions.FROM_INPUT):
            return (await self._desk.requests.by_id(EnvId(env))).name if env else ""


@contextmanager
def _about(field: str) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise InputError(field, error) from None
