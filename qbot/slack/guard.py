"""Around every listener: who may speak, what was seen before, and no exception ever escapes.

Bolt loses an acknowledgement when a listener raises within a few milliseconds after it, falls
through to the next listener when none comes, and a redelivery in Socket Mode follows; so nothing
that raises is left to Bolt.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from qbot.domain.policy import Denied, Room, Visitor, admit
from qbot.domain.ports import Store
from qbot.render.blocks import Message
from qbot.render.errors import refusal
from qbot.slack.desk import Desk, RepeatedError
from qbot.slack.payload import Delivery
from qbot.slack.visitors import Visitors

log = structlog.get_logger()

PATIENCE = 2.4  # seconds of the three that Slack grants
Reply = Message | None
Acknowledge = Callable[[Reply], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Work:
    """What to do. `once`: a repeated delivery is dropped before it.

    Work that submits an operation leaves that to the operation, which carries the delivery's key
    and commits with it: a delivery that died between two commits counts when it comes again.
    """

    run: Callable[[], Awaitable[Reply]]
    once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Runs listeners. `refused` counts a refusal by its rule; `patience` is in seconds."""

    team: str
    visitors: Visitors
    store: Store
    desk: Desk
    refused: Callable[[str], None]
    patience: float = PATIENCE

    async def run(
        self, delivery: Delivery, acknowledge: Acknowledge, prepare: Callable[[], Work]
    ) -> None:
        """Admit, prepare and do the work, acknowledge with its answer.

        Work that takes longer than Slack waits is acknowledged without an answer, goes on, and
        its answer follows by the response_url.
        """
        task = self.desk.begin(self._answer(delivery, prepare))
        done, _ = await asyncio.wait({task}, timeout=self.patience)
        if done:
            await acknowledge(task.result())
            return
        await acknowledge(None)
        self.desk.later(self._follow_up(delivery, task))

    async def _answer(self, delivery: Delivery, prepare: Callable[[], Work]) -> Reply:
        try:
            if denied := await self._admit(delivery):
                self.refused(denied.rule)
                log.info("refused", rule=denied.rule, actor=delivery.asked.actor.key)
                return refusal(denied.reason, style=self.desk.style)
            work = prepare()
            if work.once and not await self.store.saw(delivery.asked.key):
                raise RepeatedError  # noqa: TRY301  (told of in the same way as by a submission)
            return await work.run()
        except RepeatedError:
            self.refused("repeated")
            return None
        except Exception as error:  # noqa: BLE001  (explain logs it)
            return self.desk.explain(error)

    async def _admit(self, delivery: Delivery) -> Denied | None:
        asked = delivery.asked
        if asked.actor.team != self.team:  # not worth a look at Slack
            visitor, room = Visitor(asked.actor), Room(asked.place.channel)
        else:
            visitor, room = await asyncio.gather(
                self.visitors.visitor(asked.actor), self.visitors.room(asked.place.channel)
            )
        decision = admit(visitor, room, team=self.team)
        return decision if isinstance(decision, Denied) else None

    async def _follow_up(self, delivery: Delivery, task: asyncio.Task[Reply]) -> None:
        reply = await task
        if reply:
            await self.desk.whisper(delivery, reply)
