"""Around every listener: who may speak, what was seen before, and no exception ever escapes.

Bolt loses an acknowledgement when a listener raises within a few milliseconds after it, falls
through to the next listener when none comes, and a redelivery in Socket Mode follows; so nothing
that raises is left to Bolt.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from qbot.domain.barriers import BarredError
from qbot.domain.outages import WhetherAway, never
from qbot.domain.people import Actor
from qbot.domain.policy import Decision, Denied, RefusedError, Room, Visitor, admit
from qbot.domain.ports import Audit
from qbot.domain.store_ports import Deliveries
from qbot.domain.subjects import JUDGED_AT_PRESS, Subject, verb_of
from qbot.domain.unfinished import DoneBeforeError
from qbot.errors import AwayError, QbotError
from qbot.operations.rights import NO_GROUNDS, Grounds, Rights
from qbot.render.blocks import Message
from qbot.render.errors import refusal
from qbot.render.notices import done_before
from qbot.slack.desk import Desk, RepeatedError
from qbot.slack.payload import Body, Delivery
from qbot.slack.unfinished import Unfinished, Way
from qbot.slack.visitors import Visitors

log = structlog.get_logger()

PATIENCE = 2.0  # seconds of the three that Slack grants: writing it down takes some as well
Reply = Message | None
Acknowledge = Callable[[Reply], Awaitable[None]]
Prepare = Callable[[Delivery], "Work"]


async def no_grounds() -> Grounds:
    """For what is done to nothing in particular."""
    return NO_GROUNDS


@dataclass(frozen=True, slots=True)
class Work:
    """What to do. `once`: a repeated delivery is dropped before it.

    Work that submits an operation leaves that to the operation, which carries the delivery's key
    and commits with it, and a cancellation does nothing more the second time: a delivery that died
    between two commits counts when it comes again.
    `subject` is what the authority decides about, `grounds` what it is done to: only asked for
    where the rule needs it. `run` gets the delivery with the rule that allowed it.
    """

    subject: Subject
    run: Callable[[Delivery], Awaitable[Reply]]
    once: bool
    grounds: Callable[[], Awaitable[Grounds]] = no_grounds


@dataclass(frozen=True, slots=True)
class _Answered:
    """`repeated`: the delivery came before, and this one did nothing."""

    reply: Reply
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Runs listeners. `refused` counts a refusal by its rule; `patience` is in seconds.

    `heard` is called for each delivery, which is to be acknowledged before other work begins.
    `without` says whether the database is known to be away: nothing is begun then.
    """

    team: str
    visitors: Visitors
    store: Deliveries
    audit: Audit
    desk: Desk
    rights: Rights
    unfinished: Unfinished
    refused: Callable[[str], None]
    heard: Callable[[], None]
    patience: float = PATIENCE
    without: WhetherAway = never

    async def run(
        self,
        delivery: Delivery,
        acknowledge: Acknowledge,
        prepare: Prepare,
        *,
        came: tuple[Way, Body] | None = None,
    ) -> None:
        """Admit, prepare and do the work, acknowledge with its answer.

        Work that takes longer than Slack waits is written down as it `came`, acknowledged without
        an answer, and goes on; its answer follows by the response_url. What cannot be written down
        goes on without an acknowledgement: Slack shows the person that it may have failed.
        """
        self.heard()
        task = self.desk.begin(self._answer(delivery, prepare))
        await asyncio.wait({task}, timeout=self.patience)
        if task.done():
            await acknowledge(task.result().reply)
            return
        key = delivery.asked.key
        arrived = came is None or await self.unfinished.keep(key, *came)
        told = task.done()  # meanwhile: then nobody needs to go on with it
        if arrived or told:
            await acknowledge(task.result().reply if told else None)
        self.desk.later(self._follow_up(delivery, task, told=told))

    async def again(self, delivery: Delivery, prepare: Prepare) -> None:
        """What a process that died had acknowledged; the answer is told like any that is late.

        That it came before says nothing here: the process may have died between that and the
        effect. What had its effect has it once: somebody may have said the opposite since.
        """
        self.desk.still.first(delivery.asked.place, delivery.asked.key)  # who died may have
        answered = await self._answer(delivery, prepare, again=True)
        if answered.reply:
            await self.desk.whisper(delivery, answered.reply)

    async def _answer(
        self, delivery: Delivery, prepare: Prepare, *, again: bool = False
    ) -> _Answered:
        work = self._admitted(delivery, prepare, again=again)
        try:
            return _Answered(await self.desk.tried(work, delivery.wanted))
        except RepeatedError:
            self.refused("repeated")
            return _Answered(None, repeated=True)

    async def _admitted(self, delivery: Delivery, prepare: Prepare, *, again: bool) -> Reply:
        if (away := self.without()) is not None:  # without a record nothing is done
            raise AwayError(away.name, away.since)
        if again and await self.store.done(delivery.asked.key):
            return done_before(delivery.wanted)  # whoever may do it, and whatever is in its way now
        decision = await self._decide(delivery)
        if isinstance(decision, Denied):
            return await self._turn_away(delivery, decision)
        work = prepare(delivery)
        try:
            rule = await self._allowed(work, delivery.asked.actor)
            if work.once and not again and not await self.store.saw(delivery.asked.key):
                raise RepeatedError
            return await work.run(replace(delivery, asked=replace(delivery.asked, rule=rule)))
        except DoneBeforeError:  # by another process, at the same time
            return done_before(delivery.wanted)
        except RefusedError as error:
            self.refused(error.rule)
            raise
        except BarredError as error:
            await self._barred(work, delivery.asked.actor, error)
            raise

    async def _barred(self, work: Work, actor: Actor, error: BarredError) -> None:
        """What stands in the way is written down like a rule that says no."""
        rule = error.barriers[0].rule if error.barriers else "barred"
        self.refused(rule)
        if error.noted:
            return
        action = f"{verb_of(work.subject) or 'unknown'}.requested"
        denied = Denied(str(error), rule)
        await self.rights.refuse(actor, action, denied, {"by": work.subject, "why": str(error)})

    async def _allowed(self, work: Work, actor: Actor) -> str:
        """The rule that lets it through.

        Raises:
            RefusedError: none does; it is in the audit log.
        """
        if work.subject in JUDGED_AT_PRESS:
            return "member"  # what it leads to asks the authority itself, with the roles of then
        needed = self.rights.authority.needs_grounds(work.subject)
        grounds = await work.grounds() if needed else NO_GROUNDS
        decision = await self.rights.decide(work.subject, actor, grounds)
        if isinstance(decision, Denied):
            action = f"{verb_of(work.subject) or 'unknown'}.requested"
            raise await self.rights.refuse(actor, action, decision, {"by": work.subject})
        return decision.rule

    async def _decide(self, delivery: Delivery) -> Decision:
        asked = delivery.asked
        if asked.actor.team != self.team:  # not worth a look at Slack
            visitor, room = Visitor(asked.actor), Room(asked.place.channel)
        else:
            visitor, room = await asyncio.gather(
                self.visitors.visitor(asked.actor), self.visitors.room(asked.place.channel)
            )
        return admit(visitor, room, team=self.team)

    async def _turn_away(self, delivery: Delivery, denied: Denied) -> Message:
        asked = delivery.asked
        self.refused(denied.rule)
        log.info("refused", rule=denied.rule, actor=asked.actor.key)
        try:
            await self.audit.turned_away(asked.actor, denied.rule, asked.place.channel)
        except QbotError as error:  # refused all the same
            log.warning("a refusal is not in the audit log", error=str(error))
        return refusal(denied.reason, style=self.desk.style)

    async def _follow_up(
        self, delivery: Delivery, task: asyncio.Task[_Answered], *, told: bool
    ) -> None:
        answered = await self.desk.still.meanwhile(delivery, task)
        if answered.reply and not told:
            await self.desk.whisper(delivery, answered.reply)
        await self.unfinished.over(delivery.asked.key, repeated=answered.repeated)
