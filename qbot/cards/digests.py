"""Digests: what is due is written down, then posted, once for each channel or person and tick.

The replica that writes cards posts these as well, out of the same budget, after everything else.
Order: write `claim`, post, write `end`. After a crash between the two the message is looked for
by its metadata before anything is posted again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from qbot.cards.budget import LOOK, POST
from qbot.cards.ports import Messenger
from qbot.cards.rank import Rank
from qbot.cards.rounds import Budget, Rounds
from qbot.domain.digest import LATE, DigestPlan, DigestRows, DueDigest, Outcome
from qbot.domain.ports import Clock
from qbot.errors import PermanentError, TransientError
from qbot.gateways.cron import cron
from qbot.gateways.slack import AccessError, FileUnreadyError, Mark, Posted, RateLimitedError
from qbot.render.blocks import Message

log = structlog.get_logger()
PART = "digest"
_POLL = 20.0  # seconds; a tick is looked for so often
_GATHER = 0.1
_SETTLE = 3.0  # seconds until a lost call has either arrived or will not
_EARLIER = timedelta(minutes=2)  # clocks differ; a look starts this much before the post
_AGAIN = 2.0  # seconds; Slack needs moments for what was uploaded


class Writer(Protocol):
    """Says what is posted."""

    async def plans(self) -> Mapping[str, DigestPlan]:
        """Who is told when, by the channel or the person."""

    async def write(self, plan: DigestPlan, due: DueDigest) -> Message | None:
        """One digest; None: there is nothing to say.

        Raises:
            TransientError: later.
            PermanentError: whom it is for is not told any more.
        """

    def unready(self, plan: DigestPlan) -> None:
        """Slack does not show the picture in it yet."""


@dataclass(kw_only=True)
class Digests:
    """Those of channels, or of people."""

    writer: Writer
    rows: DigestRows
    slack: Messenger
    budget: Budget
    clock: Clock
    _plans: Mapping[str, DigestPlan] = field(default_factory=dict)
    _began: datetime | None = None
    _lines: dict[DigestPlan, Callable[[datetime], datetime | None]] = field(default_factory=dict)
    _seen: dict[DigestPlan, datetime] = field(default_factory=dict)  # the newest tick of each
    _rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        """It is found by polling: ticks come with time alone."""
        self._rounds = Rounds(
            what="digests",
            look=self._round,
            budget=self.budget,
            clock=self.clock,
            poll=_POLL,
            gather=_GATHER,
        )

    def start(self) -> None:
        """Begin."""
        self._began = self.clock.now()
        self._rounds.start()

    async def stop(self) -> None:
        """Nothing after this."""
        await self._rounds.stop()

    async def _round(self) -> float:
        """Post what is due; seconds until there may be more to do."""
        now, plans = self.clock.now(), await self.writer.plans()
        self._plans = plans
        self._lines = {p: self._lines.get(p) or cron(p.cron, p.zone) for p in plans.values()}
        self._seen = {p: at for p, at in self._seen.items() if p in self._lines}
        for plan in plans.values():
            if tick := self._ticked(plan, now):
                fresh = tick >= (plan.since or self._began or now)
                await self.rows.begin(plan, tick, fresh=fresh)
                self._seen[plan] = tick
        turns = _turns([d for d in await self.rows.due(now - LATE) if d.channel in plans])
        return await self._rounds.each(turns, _channel, self._bring, self._refused)

    def _ticked(self, plan: DigestPlan, now: datetime) -> datetime | None:
        """The newest tick that has come and that this process has not written down yet."""
        after, newest = self._lines[plan], None
        at = after(max(self._seen.get(plan, plan.since or now - LATE), now - LATE))
        while at is not None and at <= now:
            newest, at = at, after(at)
        return newest

    async def _bring(self, due: DueDigest) -> float:
        """0; else the seconds until the budget allows it."""
        if due.trying_since is not None:
            return await self._settle(due, due.trying_since)
        plan = self._plans[due.channel]
        if (said := await self.writer.write(plan, due)) is None:
            await self.rows.end(due, Outcome.QUIET)
            return 0.0
        send = partial(self._send, due, said)
        try:
            return await self.budget.beside(POST, Rank.DIGEST, send, channel=due.channel)
        except FileUnreadyError:
            self.writer.unready(plan)
            return _AGAIN

    async def _refused(self, due: DueDigest, error: PermanentError) -> None:
        log.warning("a digest is not taken", channel=due.channel, reason=str(error))
        await self.rows.end(due, Outcome.REFUSED)

    async def _send(self, due: DueDigest, said: Message) -> None:
        if (claimed := await self.rows.claim(due)) is None:
            return
        try:
            posted = await self.slack.post(due.channel, said, mark=Mark(due.mark, PART))
        except (RateLimitedError, AccessError, FileUnreadyError):
            await self.rows.free(claimed)
            raise
        await self.rows.end(claimed, Outcome.POSTED, posted.ts)

    async def _settle(self, due: DueDigest, begun: datetime) -> float:
        """Look for one that may have been posted; where it was not it is due again."""
        if (left := _SETTLE - (self.clock.now() - begun).total_seconds()) > 0:
            raise TransientError("it may still arrive", retry_after=left)
        there: list[Posted | None] = []
        since = (begun - _EARLIER).timestamp()

        async def look() -> None:
            mark = Mark(due.mark, PART)
            there.append(await self.slack.find(due.channel, mark, since=since))

        try:
            if wait := await self.budget.beside(LOOK, Rank.DIGEST, look, channel=due.channel):
                return wait
        except AccessError as error:
            if not error.scope:
                raise
            # Without the right to look, none is better than two.
            log.warning("cannot look for a digest", channel=due.channel, reason=str(error))
            await self.rows.end(due, Outcome.UNSURE)
        else:
            if not there or there[0] is None:
                await self.rows.free(due)
                raise TransientError("it has not arrived")
            await self.rows.end(due, Outcome.POSTED, there[0].ts)
        self._rounds.wake()  # what is due now has waited for this
        return 0.0


def _turns(due: Iterable[DueDigest]) -> list[DueDigest]:
    """One for each channel: what was begun first, so that nothing is told twice; else the newest.

    Args:
        due: the oldest first.
    """
    found: dict[str, DueDigest] = {}
    for one in due:
        before = found.get(one.channel)
        if before is None or before.trying_since is None:
            found[one.channel] = one
    return list(found.values())


def _channel(due: DueDigest) -> str:
    return due.channel
