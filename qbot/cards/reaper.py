"""What the reaper says: posted once, edited as it changes, one owner's warnings in one message.

The replica that writes cards writes these as well, out of the same budget. Order: write `claim`,
post, write `shown`. After a crash between the two the message is looked for by its mark before
anything is posted again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from qbot.cards.budget import LOOK, POST, UPDATE
from qbot.cards.ports import Messenger
from qbot.cards.rounds import Budget, Rounds
from qbot.cards.warnings import Surroundings, bundles, is_void, rank, words
from qbot.domain.ports import Clock
from qbot.domain.reaper_ports import Notice, Notices, Reminder
from qbot.errors import PermanentError
from qbot.gateways.slack import (
    AccessError,
    LostMessageError,
    Mark,
    NotHereError,
    Posted,
    RateLimitedError,
)
from qbot.render.blocks import Message
from qbot.render.style import Style

log = structlog.get_logger()
PART = "reaper"
_POLL = 10.0  # seconds: what no commit of this replica tells of
_GATHER = 1.0
_SETTLE = 3.0  # seconds until a lost call has either arrived or will not
_EARLIER = timedelta(minutes=2)  # clocks differ; a look starts this much before the post


@dataclass(kw_only=True)
class ReaperMessages:
    """One loop; `gather` is for how many seconds it waits for more, as one tick writes it down."""

    rows: Notices
    around: Surroundings
    slack: Messenger
    budget: Budget
    clock: Clock
    style: Style
    gather: float = _GATHER
    _rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        """As one tick of the reaper writes down several."""
        self._rounds = Rounds(
            what="messages of the reaper",
            look=self._round,
            budget=self.budget,
            clock=self.clock,
            poll=_POLL,
            gather=self.gather,
        )

    def start(self) -> None:
        """Begin."""
        self._rounds.start()

    async def stop(self) -> None:
        """Nothing after this."""
        await self._rounds.stop()

    def wake(self) -> None:
        """Something changed; safe to call as often as one likes."""
        self._rounds.wake()

    async def _round(self) -> float:
        """Bring what is due; seconds until there may be more to do."""
        due = bundles(await self.rows.due())
        return await self._rounds.each(due, _first, self._bring, self._refused, alike=False)

    async def _refused(self, bundle: Sequence[Notice], error: PermanentError) -> None:
        log.warning("slack takes no message of the reaper", to=bundle[0].to, reason=str(error))
        # What Slack finds wrong with the message itself it finds wrong everywhere.
        elsewhere = isinstance(error, NotHereError)
        for notice in bundle:
            await self.rows.refused(notice, str(error), elsewhere=elsewhere)

    async def _bring(self, bundle: Sequence[Notice]) -> float:
        first = bundle[0]
        if first.ts:
            return await self._edit(first, Posted(first.channel, first.ts))
        if first.trying_since is not None:
            found = await self._found(first)
            if isinstance(found, Posted):
                return await self._edit(first, found)
            if found is not None:
                return found
        if void := [notice for notice in bundle if is_void(notice)]:
            await self._free(void)  # nobody saw it: there is nothing to take back
            return 0.0
        said = words(bundle, await self.around(bundle), self.style)
        where = first.channel or first.to
        send = partial(self._send, bundle, said, where)
        return await self.budget.beside(POST, rank(first), send, channel=where)

    async def _send(self, bundle: Sequence[Notice], said: Message, where: str) -> None:
        mark, thread = bundle[0].id, bundle[0].thread
        claims = [await self.rows.claim(notice, mark) for notice in bundle]
        claimed = [claim for claim in claims if claim is not None]
        if len(claimed) < len(bundle):  # another replica was faster with some of them
            await self._free(claimed)
            return
        try:
            posted = await self.slack.post(where, said, mark=Mark(mark, PART), thread_ts=thread)
        except (RateLimitedError, AccessError):
            await self._free(claimed)
            raise
        await self._shown(claimed, posted)

    async def _edit(self, first: Notice, posted: Posted) -> float:
        """Let a message say what all that stand in it say now."""
        bundle = await self.rows.together(first.mark)
        if not isinstance(first.says, Reminder):  # those are never edited
            said = words(bundle, await self.around(bundle), self.style)
            try:
                call = partial(self.slack.update, posted, said)
                if wait := await self.budget.beside(UPDATE, rank(first), call):
                    return wait
            except LostMessageError as error:
                log.info("a message of the reaper is gone", ts=posted.ts, reason=str(error))
                for notice in bundle:
                    await self.rows.lost(notice)
                return 0.0
        await self._shown(bundle, posted)
        return 0.0

    async def _found(self, first: Notice) -> Posted | float | None:
        """Look for one that may have been posted; the seconds until that can be told."""
        begun = first.trying_since or self.clock.now()
        if (left := _SETTLE - (self.clock.now() - begun).total_seconds()) > 0:
            return left
        there: list[Posted | None] = []
        mark, where = Mark(first.mark, PART), first.channel or first.to
        since = (begun - _EARLIER).timestamp()

        async def look() -> None:
            found = await self.slack.find(where, mark, since=since, thread_ts=first.thread)
            there.append(found)

        try:
            if wait := await self.budget.beside(LOOK, rank(first), look, channel=where):
                return wait
        except AccessError as error:
            if not error.scope:
                raise
            # Without the right to look: a second warning is better than none.
            log.warning("cannot look for a message of the reaper", reason=str(error))
        return there[0] if there else None

    async def _free(self, claimed: Sequence[Notice]) -> None:
        for notice in claimed:
            await self.rows.free(notice)

    async def _shown(self, notices: Sequence[Notice], posted: Posted) -> None:
        for notice in notices:
            await self.rows.shown(notice, posted.channel, posted.ts)


def _first(bundle: Sequence[Notice]) -> str:
    return bundle[0].id
