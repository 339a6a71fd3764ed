"""Around every listener: who may speak, what was seen before, and no exception ever escapes.

Bolt loses an acknowledgement when a listener raises within a few milliseconds after it, falls
through to the next listener when none comes, and a redelivery in Socket Mode follows; so nothing
that raises is left to Bolt.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from qbot.domain.policy import Denied, Room, Visitor, admit
from qbot.domain.ports import Store
from qbot.errors import PermanentError, TransientError, UserError
from qbot.render.blocks import Message
from qbot.render.errors import failure, refusal
from qbot.slack.desk import Desk
from qbot.slack.payload import Delivery
from qbot.slack.visitors import Visitors

log = structlog.get_logger()

PATIENCE = 2.4  # seconds of the three that Slack grants
Reply = Message | None
Work = Callable[[], Awaitable[Reply]]
Acknowledge = Callable[[Reply], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Runs listeners. `refused` counts a refusal by its rule."""

    team: str
    visitors: Visitors
    store: Store
    desk: Desk
    refused: Callable[[str], None]

    async def run(
        self, delivery: Delivery, acknowledge: Acknowledge, work: Work, *, once: bool
    ) -> None:
        """Admit, do the work, acknowledge with its answer.

        `once` drops a repeated delivery here. Work that submits an operation passes False: the
        operation carries the delivery's key and commits with it, so that a delivery which died
        between two commits counts when it comes again.

        Work that takes longer than Slack waits is acknowledged without an answer, goes on, and
        its answer follows by the response_url.
        """
        task = asyncio.create_task(self._answer(delivery, work, once=once))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if done:
            await acknowledge(task.result())
            return
        await acknowledge(None)
        self.desk.later(self._follow_up(delivery, task))

    async def _answer(self, delivery: Delivery, work: Work, *, once: bool) -> Reply:
        reference = secrets.token_hex(4)
        try:
            denied = await self._admit(delivery)
            if denied:
                self.refused(denied.rule)
                log.info("refused", rule=denied.rule, actor=delivery.asked.actor.key)
                return refusal(denied.reason, style=self.desk.style)
            if once and not await self.store.saw(delivery.asked.key):
                self.refused("repeated")
                return None
            return await work()
        except (UserError, TransientError, PermanentError) as error:
            if not isinstance(error, UserError):
                log.warning("request failed", reference=reference, error=str(error))
            return failure(error, self.desk.style, reference=reference)
        except Exception as error:
            log.exception("listener failed", reference=reference)
            return failure(error, self.desk.style, reference=reference)

    async def _admit(self, delivery: Delivery) -> Denied | None:
        asked = delivery.asked
        if asked.actor.team != self.team:  # not worth a look at Slack
            visitor, room = Visitor(asked.actor), Room(asked.place.channel)
        else:
            visitor = await self.visitors.visitor(asked.actor)
            room = await self.visitors.room(asked.place.channel)
        decision = admit(visitor, room, team=self.team)
        return decision if isinstance(decision, Denied) else None

    async def _follow_up(self, delivery: Delivery, task: asyncio.Task[Reply]) -> None:
        reply = await task
        if reply:
            await self.desk.whisper(delivery, reply)
