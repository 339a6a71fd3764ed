"""Digests: what is due is written down, then posted, once for each channel or person and tick.

The replica that writes cards posts these as well, out of the same budget, after everything else.
Order: write `claim`, post, write `end`. After a crash between the two the message is looked for
by its metadata before anything is posted again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from qbot.cards.budget import LOOK, POST
from qbot.cards.ports import Messenger
from qbot.cards.rank import Rank
from qbot.domain.digest import LATE, DigestPlan, DigestRows, DueDigest, Outcome
from qbot.domain.ports import Clock
from qbot.errors import PermanentError, TransientError
from qbot.gateways.cron import cron
from qbot.gateways.slack import AccessError, FileUnreadyError, Mark, Posted, RateLimitedError
from qbot.render.blocks import Message

log = structlog.get_logger()
PART = "digest"
_POLL = 20.0  # seconds; a tick is looked for so often
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


class Budget(Protocol):
    """The part of the dispatcher that is needed here."""

    @property
    def leads(self) -> bool:
        """Whether this replica is the one that writes to Slack."""

    async def beside(
        self, method: str, rank: Rank, call: Callable[[], Awaitable[None]], *, channel: str = ""
    ) -> float:
        """Make one call; 0, or the seconds until it may be made."""


@dataclass(kw_only=True)
class Digests:
    """One loop: of channels, or of people."""

    writer: Writer
    rows: DigestRows
    slack: Messenger
    budget: Budget
    clock: Clock
    _began: datetime | None = None
    _lines: dict[DigestPlan, Callable[[datetime], datetime | None]] = field(default_factory=dict)
    _seen: dict[DigestPlan, datetime] = field(default_factory=dict)  # the newest tick of each
    _loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._began = self.clock.now()
        self._loop = asyncio.create_task(self._run(), name="digests")

    async def stop(self) -> None:
        """Nothing after this."""
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            wait = _POLL
            try:
                wait = await self._round()
            except TransientError as error:
                log.info("digests wait", reason=str(error))
            except Exception:  # the loop outlives any bug in one round
                log.exception("a round of the digests failed")
            await self.clock.sleep(wait)

    async def _round(self) -> float:
        """Post what is due; seconds until there may be more to do."""
        if not self.budget.leads:
            return 1.0
        now, plans = self.clock.now(), await self.writer.plans()
        self._lines = {p: self._lines.get(p) or cron(p.cron, p.zone) for p in plans.values()}
        self._seen = {p: at for p, at in self._seen.items() if p in self._lines}
        for plan in plans.values():
            if tick := self._ticked(plan, now):
                fresh = tick >= (plan.since or self._began or now)
                await self.rows.begin(plan, tick, fresh=fresh)
                self._seen[plan] = tick
        due = [d for d in await self.rows.due(now - LATE) if d.channel in plans]
        return await self._post(_newest(due), plans)

    def _ticked(self, plan: DigestPlan, now: datetime) -> datetime | None:
        """The newest tick that has come and that this process has not written down yet."""
        after, newest = self._lines[plan], None
        at = after(max(self._seen.get(plan, plan.since or now - LATE), now - LATE))
        while at is not None and at <= now:
            newest, at = at, after(at)
        return newest

    async def _post(self, due: Sequence[DueDigest], plans: Mapping[str, DigestPlan]) -> float:
        """One after the other, until the budget says wait."""
        soonest = _POLL
        for one in due:
            plan = plans[one.channel]
            try:
                if wait := await self._bring(one, plan):
                    soonest = min(soonest, wait)
                    if one.trying_since is None:
                        return soonest
            except AccessError:
                return _POLL  # about Qbot as a whole: told where cards are
            except FileUnreadyError:
                self.writer.unready(plan)
                return _AGAIN
            except PermanentError as error:
                log.warning("a digest is not taken", channel=one.channel, reason=str(error))
                await self.rows.end(one, Outcome.REFUSED)
            except TransientError as error:
                log.info("a digest waits", channel=one.channel, reason=str(error))
                return 1.0
            except Exception:  # one channel's bug must not keep the others
                log.exception("a digest could not be posted", channel=one.channel)
        return soonest

    async def _bring(self, due: DueDigest, plan: DigestPlan) -> float:
        if due.trying_since is not None and (wait := await self._found(due)) is not None:
            return wait
        if (said := await self.writer.write(plan, due)) is None:
            await self.rows.end(due, Outcome.QUIET)
            return 0.0

        send = partial(self._send, due, said)
        return await self.budget.beside(POST, Rank.DIGEST, send, channel=due.channel)

    async def _send(self, due: DueDigest, said: Message) -> None:
        if (claimed := await self.rows.claim(due)) is None:
            return
        try:
            posted = await self.slack.post(due.channel, said, mark=Mark(due.mark, PART))
        except (RateLimitedError, AccessError, FileUnreadyError):
            await self.rows.free(claimed)
            raise
        await self.rows.end(claimed, Outcome.POSTED, posted.ts)

    async def _found(self, due: DueDigest) -> float | None:
        """Look for one that may have been posted.

        Returns:
            0: that is settled; the seconds until it can be; None: it is not there.
        """
        begun = due.trying_since or due.tick
        if (left := _SETTLE - (self.clock.now() - begun).total_seconds()) > 0:
            return left
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
            return 0.0
        if there and there[0] is not None:
            await self.rows.end(due, Outcome.POSTED, there[0].ts)
            return 0.0
        return None


def _newest(due: Sequence[DueDigest]) -> list[DueDigest]:
    """Of several ticks of one channel, as after a day away, the newest; and all begun ones."""
    newest = {d.channel: d.tick for d in due}
    return [d for d in due if d.trying_since is not None or d.tick == newest[d.channel]]
