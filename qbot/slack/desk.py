"""What every listener is handed, and the few answers that several of them give."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, assert_never

import structlog

from qbot.domain.environment import Environment, Phase
from qbot.domain.idle import idle
from qbot.domain.operation import (
    BranchTaken,
    EnvironmentSummary,
    Operation,
    QuotaReached,
    Submitted,
)
from qbot.domain.people import Actor
from qbot.domain.ports import Cards
from qbot.errors import PermanentError, QbotError, TransientError
from qbot.gateways.slack import Posted, SlackGateway
from qbot.operations.context import Context
from qbot.operations.inspect import inspect
from qbot.operations.requests import Requests
from qbot.render.blocks import Message
from qbot.render.listing import Page, listing
from qbot.render.notices import quota, taken
from qbot.render.showing import Shown, show
from qbot.render.style import Style
from qbot.slack.payload import Delivery

log = structlog.get_logger()
_LINK_PATIENCE = 1.0  # seconds; an answer without a link is better than none


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Built once; holds no state but the answers that are still under way."""

    context: Context
    requests: Requests
    slack: SlackGateway
    cards: Cards
    style: Style
    background: set[asyncio.Task[None]] = field(default_factory=set)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Finish something after the acknowledgement; the loop itself would forget the task."""
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    async def whisper(self, delivery: Delivery, message: Message) -> None:
        """Tell only the person who asked; where Slack takes no answer, nothing more can be done."""
        asked = delivery.asked
        try:
            if asked.place.response_url:
                await self.slack.respond(asked.place.response_url, message)
            elif asked.place.channel:
                await self.slack.post_ephemeral(asked.place.channel, asked.actor.user, message)
            else:
                await self.slack.post(asked.actor.user, message)
        except QbotError as error:
            log.warning("answer not delivered", actor=asked.actor.key, error=str(error))

    async def settle(self) -> None:
        """Wait for what is still being answered (at a stop)."""
        await asyncio.gather(*self.background, return_exceptions=True)

    async def submitted(
        self, answer: Submitted | BranchTaken | QuotaReached, actor: Actor
    ) -> Message | None:
        """Nothing where the card is the answer; else who was first or who holds the places."""
        match answer:
            case Submitted(operation, fresh):
                if fresh or operation.actor == actor:
                    return None
                env = await self.context.store.environment(operation.env) if operation.env else None
                return await self._taken(BranchTaken(env, operation)) if env else None
            case BranchTaken():
                return await self._taken(answer)
            case QuotaReached():
                return quota(answer, now=self.context.clock.now())
        assert_never(answer)

    async def _taken(self, answer: BranchTaken) -> Message:
        """Who was first, or how it is, with the way to its card."""
        operation = answer.operation
        url = await (
            self.card_url(operation) if operation else self.newest_card(answer.environment)
        )
        return taken(answer, self.style, now=self.context.clock.now(), card_url=url)

    async def shown(self, env: Environment) -> Message:
        """`show`: asks Argo CD, so it may take a few seconds."""
        found = await inspect(self.context, env)
        shown = Shown(
            environment=env,
            services=found.services,
            as_of=found.as_of,
            operation=found.operation,
            trouble=found.trouble,
            card_url=await self.card_url(found.operation) if found.operation else "",
        )
        return show(shown, self.style, now=self.context.clock.now())

    async def listed(self, page: Page, actor: Actor) -> Message:
        """One page of a list."""
        rows = await self.context.store.environments(
            owner=actor if page.which == "mine" else None, phases=_PHASES.get(page.which, ())
        )
        text = page.text.lower()
        now, rest = self.context.clock.now(), self.context.rules.idle_after
        if page.which == "idle":
            rows = [r for r in rows if idle(r.last_used, now=now, after=rest)]
        kept = [r for r in rows if _matches(r, text)]
        return listing(kept, page, self.style, now=now)

    async def newest_card(self, env: Environment) -> str:
        """The address of the card of the environment's newest operation."""
        operations = await self.context.store.operations(env.id, limit=1)
        return await self.card_url(operations[0]) if operations else ""

    async def card_url(self, operation: Operation) -> str:
        """The address of a card; empty while it is not posted or Slack does not answer."""
        row = await self.cards.card(operation.id)
        if row is None or not row.ts:
            return ""
        try:
            async with asyncio.timeout(_LINK_PATIENCE):
                return await self.slack.permalink(Posted(row.posted_channel, row.ts))
        except (TransientError, PermanentError, TimeoutError):
            return ""


_PHASES: dict[str, tuple[Phase, ...]] = {"failed": (Phase.FAILED, Phase.PARTIAL, Phase.STUCK)}


def _matches(row: EnvironmentSummary, text: str) -> bool:
    env = row.environment
    return not text or text in env.branch.lower() or text in env.name
