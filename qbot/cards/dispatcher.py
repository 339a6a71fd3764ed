"""The loop: what is behind -> what is most urgent -> what the budget allows -> send."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from qbot.cards.access import Access
from qbot.cards.boards import BoardSender
from qbot.cards.budget import LIMITS, Budget, LaneState
from qbot.cards.lane import Limit, Ticket
from qbot.cards.lease import Lease
from qbot.cards.memory import Memory
from qbot.cards.plan import Job, View, cadence, ends_a_minute, plan
from qbot.cards.ports import Messenger, Meter, NoMeter
from qbot.cards.rank import Rank
from qbot.cards.sender import CardSender
from qbot.domain.card_ports import Cards
from qbot.domain.operation import CardRow
from qbot.domain.ports import Clock
from qbot.domain.store_ports import OperationRows
from qbot.errors import PermanentError, QbotError, TransientError
from qbot.gateways.slack import CALL_SECONDS, AccessError, RateLimitedError, UnsureError
from qbot.render.card import Fresh
from qbot.render.style import Style

log = structlog.get_logger()
_POLL = 1.0  # seconds; a replica without the lease, or work of other replicas, is found so late
_GATHER = 0.05  # seconds at least in which changes are collected before a round
_GATHER_PER_ROW = 0.0025  # reading hundreds of cards for each change would cost more than it tells
_FOLLOW = 2.0  # seconds between two tries to become the leader
_IN_FLIGHT = 8
_RETRY_AFTER = 30.0
_PARTING = 5.0  # seconds at the end for calls under way


class Dispatcher:
    """Brings every card up to date; one at a time over all replicas, by a lease."""

    def __init__(
        self,
        *,
        cards: Cards,
        store: OperationRows,
        slack: Messenger,
        clock: Clock,
        style: Style,
        worker: str,
        meter: Meter | None = None,
        limits: Mapping[str, Limit] = LIMITS,
    ) -> None:
        self._cards = cards
        self._clock = clock
        self._meter = meter or NoMeter()
        self._memory = Memory()
        self._budget = Budget(clock, limits)
        self._access = Access(slack, clock)
        self._lease = Lease(cards, clock, worker)
        self._fresh = Fresh(every=0.0)
        self._sender = CardSender(
            cards=cards,
            store=store,
            slack=slack,
            clock=clock,
            style=style,
            memory=self._memory,
            meter=self._meter,
            fresh=lambda: self._fresh,
        )
        self._boards = BoardSender(
            cards=cards, slack=slack, clock=clock, memory=self._memory, fresh=lambda: self._fresh
        )
        self._gather = _GATHER
        self._leads = False
        self._event = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._sending: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Begin; what was left behind by an earlier process is caught up with first."""
        self._loop = asyncio.create_task(self._run(), name="cards")

    async def stop(self) -> None:
        """Let calls under way end and be written down, then let go of the lease.

        Where one does not end, nobody may take over before it is dead: the lease runs out.
        """
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if await self._given_up():
            log.warning("slack does not answer: the cards' lease will run out by itself")
            return
        try:
            await self._lease.release()
        except TransientError:
            log.info("the cards' lease will run out by itself")

    async def _given_up(self) -> bool:
        """Whether a call was still under way after some seconds."""
        calls = set(self._sending.values())
        late = (await asyncio.wait(calls, timeout=_PARTING))[1] if calls else set()
        for call in late:
            call.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return bool(late)

    def wake(self) -> None:
        """Something changed; safe to call as often as one likes."""
        self._event.set()

    def budget(self) -> Mapping[str, LaneState]:
        """For the metrics, by Slack method."""
        return self._budget.snapshot()

    @property
    def leads(self) -> bool:
        """Whether this replica is the one that writes to Slack."""
        return self._lease.covers(CALL_SECONDS)

    async def beside(
        self, method: str, rank: Rank, call: Callable[[], Awaitable[None]], *, channel: str = ""
    ) -> float:
        """Make one call that is about no card, within the same budget.

        Returns:
            Seconds until it may be made; 0: it was.

        Raises:
            QbotError: Slack does not take it; the budget knows.
        """
        wait = max(self._access.wait(method), self._budget.wait(method, rank, channel))
        if wait > 0 or not self.leads:
            return wait or _POLL
        self._access.tried(method)
        ticket = self._budget.take(method, channel)
        try:
            await call()
        except AccessError as error:
            self._meter.failed(method, type(error).__name__)
            await self._access.refused(method, error)
            raise
        except QbotError as error:
            self._failed(method, error)
            raise
        finally:
            self._budget.done(method, channel, ticket)
        self._budget.worked()
        self._access.worked(method)
        self._meter.sent(method, rank.name.lower())
        return 0.0

    async def _run(self) -> None:
        while True:
            wait = _FOLLOW
            try:
                if self._led(await self._lease.hold()):
                    wait = await self._round()
            except TransientError as error:
                log.info("cards wait for the database", reason=str(error))
            except Exception:  # the loop outlives any bug in one round
                log.exception("a round of the cards failed")
            await self._rest(wait)

    def _led(self, leads: bool) -> bool:  # noqa: FBT001  (handed through)
        if leads is not self._leads:
            self._leads = leads
            self._meter.leads(leads=leads)
        return leads

    async def _rest(self, seconds: float) -> None:
        """For `seconds`, less if something changes; then a moment for more changes."""
        tick = asyncio.create_task(self._clock.sleep(max(seconds, self._gather / 4)))
        event = asyncio.create_task(self._event.wait())
        tasks: list[asyncio.Task[Any]] = [tick, event]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not tick.done():
                gather = asyncio.create_task(self._clock.sleep(self._gather))
                tasks.append(gather)
                await asyncio.wait({tick, gather}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._event.clear()

    async def _round(self) -> float:
        """Start what may start now; seconds until there may be more to do."""
        # Rows read while a call on them is under way are outdated when it ends: not this round.
        busy = set(self._sending)
        behind = [r for r in await self._cards.behind() if not r.progress.dry_run]
        running, boards = await self._cards.running(), await self._cards.boards()
        view = View(behind, running, boards, self._clock.now())
        self._meter.waiting(len(behind))
        rows = len(view.behind) + len(view.running)
        self._gather = min(max(rows * _GATHER_PER_ROW, _GATHER), _POLL)
        self._memory.forget(
            {r.op for r in (*view.behind, *view.running)}
            | {b.channel for b in view.boards}
            | set(view.crowds)
        )
        rate = self._budget.expect(ends_a_minute(view))
        self._fresh = Fresh(every=max(cadence(view, rate), 5.0), running=len(view.running))
        now = self._clock.monotonic()
        jobs = plan(view, self._memory, now=now, per_minute=rate)
        return await self._begin([j for j in jobs if j.key not in busy], view, now)

    async def _begin(self, jobs: Sequence[Job], view: View, now: float) -> float:
        soonest = _POLL
        begun: set[str] = set()
        for job in jobs:
            if job.key in begun:
                continue
            due = max(job.due, self._memory.held.get(job.key, 0.0)) - now
            closed = self._access.wait(job.act.method)
            wait = max(due, closed, self._budget.wait(job.act.method, job.rank, job.channel))
            if wait > 0:
                soonest = min(soonest, wait)
            elif len(self._sending) < _IN_FLIGHT and not await self._nothing_to_say(job, view):
                begun.add(job.key)
                self._send(job, view)
        return soonest

    async def _nothing_to_say(self, job: Job, view: View) -> bool:
        if job.row and job.act.is_edit:
            return await self._sender.up_to_date(job.row)
        if job.board and job.act.is_edit:
            return self._boards.up_to_date(job.board, _of(view, job.channel))
        return False

    def _send(self, job: Job, view: View) -> None:
        self._access.tried(job.act.method)
        ticket = self._budget.take(job.act.method, job.channel)
        task = asyncio.create_task(self._deliver(job, view, ticket), name=f"card {job.key}")
        self._sending[job.key] = task
        task.add_done_callback(lambda _: self._sent(job.key))

    def _sent(self, key: str) -> None:
        del self._sending[key]
        self.wake()

    async def _deliver(self, job: Job, view: View, ticket: Ticket) -> None:
        method = job.act.method
        try:
            if self._lease.covers(CALL_SECONDS) and await self._carry_out(job, view):
                self._count(job)
        except QbotError as error:
            self._failed(method, error)
        except Exception:  # one message's bug must not keep the others
            log.exception("a card could not be sent", key=job.key)
            self._sender.hold(job.key, _RETRY_AFTER)
        finally:
            self._budget.done(method, job.channel, ticket)

    async def _carry_out(self, job: Job, view: View) -> bool:
        done = False
        try:
            if job.row:
                done = await self._sender.run(job, job.row)
            elif job.board:
                done = await self._boards.run(job, job.board, _of(view, job.channel))
        except AccessError as error:
            self._meter.failed(job.act.method, type(error).__name__)
            if not await self._access.refused(job.act.method, error):
                await self._refused(job, error)
            return False
        self._budget.worked()
        self._access.worked(job.act.method)
        return done

    async def _refused(self, job: Job, error: AccessError) -> None:
        """Slack named the token, which is in order: it is about this message alone."""
        if job.row:
            await self._sender.refused(job, job.row, error)
        elif job.board:
            self._boards.refused(job.board, error)

    def _count(self, job: Job) -> None:
        rank = job.rank.name.lower()
        self._meter.sent(job.act.method, rank)
        if job.since:
            self._meter.shown_after(rank, self._clock.now().timestamp() - job.since)

    def _failed(self, method: str, error: QbotError) -> None:
        self._meter.failed(method, type(error).__name__)
        if isinstance(error, RateLimitedError):
            self._budget.limited(method, error.retry_after or _RETRY_AFTER)
        elif isinstance(error, PermanentError):
            self._access.worked(method)  # it was looked at, so the token was taken
        else:
            self._budget.trouble()
        if not isinstance(error, UnsureError):
            log.info("slack did not take a card", method=method, reason=str(error))


def _of(view: View, channel: str) -> list[CardRow]:
    return [r for r in view.busy if r.channel == channel]
