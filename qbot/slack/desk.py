"""What every listener is handed, and the few answers that several of them give."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, assert_never

import structlog

from qbot.domain.card_ports import CardLookup
from qbot.domain.commands import Create
from qbot.domain.diagnosis.findings import Report
from qbot.domain.environment import Environment, Phase
from qbot.domain.morning import Mornings
from qbot.domain.names import EnvId
from qbot.domain.operation import (
    BranchTaken,
    EnvironmentSummary,
    Operation,
    QuotaReached,
    Submitted,
)
from qbot.domain.people import Actor
from qbot.domain.reaper_ports import Answers
from qbot.domain.store_ports import Lifetimes
from qbot.errors import PermanentError, QbotError, TransientError, UserError
from qbot.gateways.slack import Posted, SlackGateway, TooLateError
from qbot.operations.caught import caught
from qbot.operations.context import Context
from qbot.operations.failing import failing, failing_anywhere
from qbot.operations.inspect import inspect
from qbot.operations.locking import lock_of, with_locks
from qbot.operations.opening import to_open, with_doors
from qbot.operations.orphans import Rows
from qbot.operations.reaping import Planner
from qbot.operations.requests import Requests
from qbot.operations.waiting import notes
from qbot.render.blocks import Message
from qbot.render.errors import failure, plainly, with_command
from qbot.render.home import answer as answer_view
from qbot.render.listing import Page, listing, part
from qbot.render.notices import joined, quota, taken
from qbot.render.showing import Shown, show
from qbot.render.style import Style
from qbot.render.wanted import THAT, Wanted
from qbot.slack.payload import HOME, Delivery
from qbot.slack.private import tell
from qbot.slack.still import Still
from qbot.slack.untold import Untold

log = structlog.get_logger()
_LINK_PATIENCE = 1.0  # seconds; an answer without a link is better than none
_INPUT = 300  # characters below an input of a form
T = TypeVar("T")


class RepeatedError(Exception):
    """The same delivery came before: its effect is there, its answer was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Built once; holds no state but the answers that are still under way."""

    context: Context
    requests: Requests
    slack: SlackGateway
    cards: CardLookup
    style: Style
    lifetimes: Lifetimes
    planner: Planner
    orphans: Rows
    reaping: Answers
    mornings: Mornings
    examine: Callable[[], Awaitable[Report]]
    untold: Untold
    still: Still
    background: set[asyncio.Task[Any]] = field(default_factory=set)

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that is kept until it ends; the loop itself would forget it."""
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Finish something after the acknowledgement."""
        _ = self.begin(_logged(work))

    def replaced(self, delivery: Delivery, answer: Awaitable[Message]) -> None:
        """After the acknowledgement, put the answer in the place of the message pressed."""
        self.later(self._replaced(delivery, answer))

    async def _replaced(self, delivery: Delivery, answer: Awaitable[Message]) -> None:
        said = await self.still.meanwhile(delivery, self.tried(answer, delivery.wanted))
        await self.whisper(delivery, said, replace=True)

    def used(self, what: str, by: Actor, thing: str) -> None:
        """Somebody used an environment: noted after the answer, at most once a minute."""
        if thing:
            self.later(self.lifetimes.used(what, by, thing))

    async def settle(self, seconds: float) -> None:
        """Wait for what is still being answered (at a stop), and give up what takes longer."""
        await self.still.stop()
        if self.background:
            _, late = await asyncio.wait(set(self.background), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def tried(self, work: Awaitable[T], wanted: Wanted = THAT) -> T | Message:
        """What the work returns, or what the person is told in its place; raises nothing.

        `wanted` is what they asked for.

        Raises:
            RepeatedError: the work was done before.
        """
        answer = await caught(work)
        if isinstance(answer, RepeatedError):
            raise answer
        return self.explain(answer, wanted) if isinstance(answer, Exception) else answer

    def explain(self, error: Exception, wanted: Wanted = THAT) -> Message:
        """Any exception for the person who asked; what is not theirs is logged by a reference."""
        reference = secrets.token_hex(4)
        if not isinstance(error, QbotError):
            log.error("listener failed", reference=reference, exc_info=error)
        elif not isinstance(error, UserError):
            log.warning("request failed", reference=reference, error=str(error))
        return failure(error, self.style, reference=reference, wanted=wanted)

    def plain(self, error: QbotError) -> str:
        """The same below an input of a form, where Slack shows no code spans."""
        hint = error.hint if isinstance(error, UserError) else "Try again in a minute."
        why = f"{plainly(error).rstrip('.')}." if isinstance(error, TransientError) else str(error)
        return with_command(f"{why} {hint}", self.style.command).replace("`", "").strip()[:_INPUT]

    async def whisper(self, delivery: Delivery, message: Message, *, replace: bool = False) -> None:
        """Tell only the person who asked, in the nearest way that Slack takes.

        `replace` puts it in the place of the private message that was pressed. What was pressed in
        the App Home is answered in front of it. What Slack does not take is told once it does.
        """
        asked = delivery.asked
        await self.still.over(asked.place, asked.key)
        if delivery.view and await self._in_view(delivery, message):
            return
        if not await tell(self.slack, asked.actor, asked.place, message, replace=replace):
            await self.untold.answer(asked.key, asked.actor, delivery.wanted, message)

    async def _in_view(self, delivery: Delivery, message: Message) -> bool:
        """Whether a view shows it; False: too late for that, or it was closed."""
        shown = answer_view(message)
        try:
            if delivery.view == HOME:
                await self.slack.open_view(delivery.trigger_id, shown)
            else:
                await self.slack.update_view(delivery.view, shown)
        except QbotError as error:
            log.info("an answer goes another way", error=str(error))
            return False
        return True

    async def open_view(self, delivery: Delivery, view: Mapping[str, Any], *, instead: str) -> str:
        """Open a modal; its id.

        Raises:
            UserError: it is too late for that; `instead` is the command that does the same.
        """
        try:
            return await self.slack.open_view(delivery.trigger_id, view)
        except TooLateError:
            raise UserError(
                "Slack allows three seconds to open a form, and they are over.",
                hint=f"Ask for it again, or type `{instead}`.",
            ) from None

    async def submitted(
        self,
        answer: Submitted | BranchTaken | QuotaReached,
        wanted: Create | None = None,
        *,
        asker: Actor | None = None,
    ) -> Message | None:
        """Nothing where the card is the answer; else who was first or who holds the places.

        `wanted` is the create that was asked for, where it was one, and `asker` who did.

        Raises:
            RepeatedError: it was submitted by the same delivery, before.
        """
        match answer:
            case Submitted(repeated=True):
                raise RepeatedError
            case Submitted(operation, fresh):
                if not fresh:
                    return await self._joined(operation)
                self.still.card(operation)
                return None
            case BranchTaken():
                return await self._taken(answer, wanted, asker)
            case QuotaReached():
                return quota(answer, now=self.context.clock.now(), asker=asker)
        assert_never(answer)

    async def _joined(self, operation: Operation) -> Message | None:
        """The same command is under way: by whom and since when, with the way to its card."""
        env = await self.context.store.environment(operation.env) if operation.env else None
        if env is None:
            return None
        now, url = self.context.clock.now(), await self.card_url(operation)
        return joined(operation, env, self.style, now=now, card_url=url)

    async def _taken(
        self, answer: BranchTaken, wanted: Create | None, asker: Actor | None
    ) -> Message:
        """Who was first, or how it is, with the way to its card."""
        operation = answer.operation
        url = await (
            self.card_url(operation) if operation else self.newest_card(answer.environment)
        )
        counts = None if operation else await failing(self.context, [answer.environment])
        count = None if counts is None else counts.get(answer.environment.id, 0)
        now = self.context.clock.now()
        return taken(
            answer,
            self.style,
            now=now,
            card_url=url,
            failing=count,
            wanted=wanted,
            asker=asker,
        )

    async def shown(self, env: Environment, viewer: Actor) -> Message:
        """`show`: asks Argo CD, so it may take a few seconds."""
        found = await inspect(self.context, env)
        shown = Shown(
            environment=to_open(found.environment, self.context.rules),
            services=found.services,
            as_of=found.as_of,
            operation=found.operation,
            trouble=found.trouble,
            card_url=await self.card_url(found.operation) if found.operation else "",
            lock=await lock_of(self.context.locks, env),
            viewer=viewer,
            verdict=await self.planner.verdict(env),
            missing=await self.context.store.missing(env.id),
            away=self.context.outages.now(),
        )
        return show(shown, self.style, now=self.context.clock.now())

    async def listed(self, page: Page, actor: Actor) -> Message:
        """One page of a list."""
        rows = await self.context.store.environments(owner=actor if page.which == "mine" else None)
        now, goes = self.context.clock.now(), {}
        doubts: Sequence[str] = ()
        if page.which == "idle":
            plan = await self.planner.plan()
            goes = {g.env: g for g in plan.goes}
            doubts = notes(plan) if goes else plan.doubts
            rows = [r for r in rows if r.environment.id in goes]
            rows.sort(key=lambda r: goes[r.environment.id].due_at)
        kept = [r for r in rows if _matches(r, page)]
        if page.which == "failed":
            counts = await failing_anywhere(self.context)
            kept = [r for r in with_failing(kept, counts) if is_failed(r)]
        else:
            counts = await failing(self.context, [r.environment for r in part(kept, page)])
            kept = with_failing(kept, counts)
        kept = await with_locks(self.context.locks, kept)
        kept = await with_doors(self.context.store, self.context.rules, kept)
        return listing(
            kept,
            page,
            self.style,
            now=now,
            known=counts is not None,
            goes=goes,
            doubts=doubts,
            away=self.context.outages.now(),
        )

    async def newest_card(self, env: Environment) -> str:
        """The address of the card of the environment's newest operation."""
        operations = await self.context.store.worked_on(env.id, limit=1)
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


_FAILED = frozenset({Phase.FAILED, Phase.PARTIAL, Phase.STUCK})


def is_failed(row: EnvironmentSummary) -> bool:
    """Whether `list --failed` has it."""
    phase = row.environment.phase
    amiss = row.failing > 0 or row.missing
    return phase in _FAILED or (amiss and phase is not Phase.DELETING)


def with_failing(
    rows: Sequence[EnvironmentSummary], counts: Mapping[EnvId, int] | None
) -> list[EnvironmentSummary]:
    """The same rows with what Argo CD says of them now."""
    known = counts or {}
    return [replace(r, failing=known.get(r.environment.id, 0)) for r in rows]


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except TransientError as error:  # a neighbour is away or busy, and Qbot is as it should be
        log.warning("an answer failed", error=str(error))
    except Exception:  # nobody awaits it: the log is where it is told
        log.exception("an answer failed")


def _matches(row: EnvironmentSummary, page: Page) -> bool:
    env, text = row.environment, page.text.lower()
    if page.owner:
        return env.owner.user == page.owner
    return not text or text in env.branch.lower() or text in env.name
