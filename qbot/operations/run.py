"""What an operation is written against: steps that are recorded, waits that can be cancelled."""

import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from qbot.domain.changes import CardChanged, Change
from qbot.domain.operation import Claim, Operation, Woken
from qbot.domain.progress import Tries
from qbot.domain.release import Shown
from qbot.operations.cancelling import Cancelling
from qbot.operations.gathering import PARALLEL, gather
from qbot.operations.handler import Cancelled, Suspended
from qbot.operations.needed import Still
from qbot.operations.patience import Ledger
from qbot.operations.reporting import Reporter
from qbot.operations.retry import Backoff
from qbot.operations.troubles import Troubles
from qbot.operations.trying import Footing, Trying

T = TypeVar("T")
_BACKOFF = Backoff()


class Run:
    """One worker's go at one operation.

    Step names are unique within an operation and never mean something else later; effects happen
    in steps only; everything else derives from the operation's input and the recorded results.
    """

    def __init__(self, claim: Claim, ledger: Ledger, footing: Footing) -> None:
        self.operation: Operation = claim.operation
        self.resumed = claim.resumed
        self._ledger = ledger
        self._footing = footing
        self._recorded = dict(claim.steps)
        self._names: set[str] = set()
        self.progress = claim.operation.progress  # the newest that was told
        self._reporter = Reporter(ledger.report, footing.clock, claim.operation.progress)
        shown = claim.operation.progress
        self._troubles = Troubles(shown.tries if shown else None)
        self._cancelling = Cancelling(asked=claim.operation.cancel_by is not None)
        self._trying = Trying(
            claim.operation.id,
            footing,
            resumed=claim.resumed,
            sleep=self.sleep,
            troubles=self._troubles,
            told=self.trouble,
        )

    # Steps

    async def step(
        self,
        name: str,
        do: Callable[[], Awaitable[T]],
        *,
        find: Callable[[], Awaitable[T | None]] | None = None,
        changes: Sequence[Change] | Callable[[T], Sequence[Change]] = (),
        within: float | None = None,
        backoff: Backoff = _BACKOFF,
        sits_out: bool = False,
        still: Still | None = None,
    ) -> T:
        """Have an effect and record it, together with `changes`; once recorded it never runs again.

        Args:
            name: unique within the operation.
            do: the effect; its result must be JSON, and comes back as JSON makes it (a tuple as
                a list). It is repeated after a TransientError, and after a crash: it must bear it.
            find: looks whether the effect is there already (None: it is not), before `do` is
                repeated.
            changes: what commits with the result, or a function of the result.
            within: seconds after which a TransientError is raised instead of waited out.
            sits_out: whether the time for which a neighbour is known to be away counts not.
            backoff: how long to wait between tries.
            still: whether it is still wanted; asked before each try and every few seconds between
                two, and what it raises ends them. A try that is under way is not broken off.

        Raises:
            Cancelled: somebody asked to cancel while it waited for another try.
        """
        self._claim_name(name)
        if name in self._recorded:
            recorded: T = self._recorded[name]
            return recorded
        found = await self._trying.through(
            name, do, find, within, backoff, sits_out=sits_out, still=still
        )
        result: T = json.loads(json.dumps(found))
        await self._commit(name, result, changes(result) if callable(changes) else changes)
        return result

    async def call(
        self,
        name: str,
        do: Callable[[], Awaitable[T]],
        *,
        within: float | None = None,
        backoff: Backoff = _BACKOFF,
        sits_out: bool = False,
    ) -> T:
        """Ask a neighbour, patiently like `step`; nothing is recorded, so only for reads."""
        return await self._trying.through(name, do, None, within, backoff, sits_out=sits_out)

    async def gather(
        self, coroutines: Sequence[Coroutine[Any, Any, T]], limit: int = PARALLEL
    ) -> list[T | Exception]:
        """Run them, `limit` at a time, all to their end; errors are among the results.

        `nap` cannot be used inside.

        Raises:
            Cancelled: one of them was cancelled.
        """
        return await gather(coroutines, limit)

    async def deadline(self, name: str, seconds: float) -> datetime:
        """The moment `seconds` after this was first reached, crashes and restarts included."""

        async def decide() -> str:
            return (self._footing.clock.now() + timedelta(seconds=seconds)).isoformat()

        if self.has(name):
            return datetime.fromisoformat(self._recorded[name])
        return datetime.fromisoformat(await self.step(name, decide))

    def has(self, name: str) -> bool:
        """Whether a step of this name is recorded, by this run or one before."""
        return name in self._recorded

    # Waiting

    async def nap(self, topic: str, seconds: float) -> None:
        """Wait as a row for signals or for time, as often as needed; nothing is recorded.

        For waits of minutes to months: the run ends here and starts anew when it is woken, so
        nothing may be open around it.

        Returns at once, having used them up, where there are signals that no nap has used:
        whoever naps looks, naps, and looks again. A nap holds no lock.

        Raises:
            Cancelled: somebody asked to cancel.
        """
        await self._before_suspending()
        until = self._footing.clock.now() + timedelta(seconds=seconds)
        self._after(await self._ledger.nap(topic, until, heed_cancel=self._heeds_cancel))

    async def acquire(self, scope: str, *, first: bool) -> None:
        """Hold the lock `scope` from here on; fine where it is held already.

        Where it is not free the run ends here and starts anew when its turn has come, then with
        the lock: what was judged before must be judged again. `first` goes before those without.

        Raises:
            Cancelled: somebody asked to cancel.
        """
        await self._before_suspending()
        self._after(await self._ledger.acquire(scope, first=first, heed_cancel=self._heeds_cancel))

    async def let_go(self) -> None:
        """Let others have the lock."""
        await self._ledger.let_go()

    async def sleep(self, seconds: float) -> None:
        """Wait for seconds, not minutes.

        Raises:
            Cancelled: somebody asked to cancel.
        """
        await self.interruptible(self._footing.clock.sleep(seconds))

    async def interruptible(self, awaitable: Awaitable[T]) -> T:
        """Wait for something that a wish to cancel may end early.

        Raises:
            Cancelled: somebody asked to cancel; the awaitable was cancelled.
        """
        return await self._cancelling.interruptible(awaitable)

    async def checkpoint(self) -> None:
        """A place to stop.

        Raises:
            Cancelled: somebody asked to cancel.
        """
        if self._cancelling.due:
            raise Cancelled

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked to cancel."""
        return self._cancelling.asked

    def ignoring_cancel(self) -> AbstractContextManager[None]:
        """For what has to be done also, or only, after a wish to cancel."""
        return self._cancelling.ignored()

    # Telling

    def report(self, progress: Shown) -> None:
        """Let the card show this soon; the newest one counts, and is written before the end."""
        self.progress = progress
        self._reporter.show(self._shown(progress))

    def trouble(
        self,
        message: str,
        *,
        source: str = "",
        tried: int = 0,
        wait: float | None = None,
        since: datetime | None = None,
    ) -> None:
        """Let the card say which neighbour does not answer; an empty message ends it.

        Steps and calls do this by themselves.

        Args:
            message: what is wrong.
            source: tells several troubles apart.
            tried: how often.
            wait: seconds until the next try, where that is known.
            since: since when that is so, where it is longer than this run knows of it.
        """
        now = self._footing.clock.now()
        next_at = None if wait is None else now + timedelta(seconds=wait)
        self._troubles.tell(source, message, Tries(now, tried, next_at), since=since)
        if self.progress is not None:
            self._reporter.show(self._shown(self.progress))

    @property
    def in_trouble(self) -> str:
        """Why it waits for a neighbour; empty: it does not, or nothing came back yet."""
        return self._troubles.message

    # The engine's part

    def ask_to_cancel(self) -> None:
        """Somebody asked to cancel."""
        if not self._cancelling.asked:
            self._cancelling.ask()
            if self.progress is not None:
                self._reporter.show(self._shown(self.progress))

    async def close(self) -> Shown | None:
        """Nothing more is written; answers the progress that was not."""
        return await self._reporter.close()

    # Within

    @property
    def _heeds_cancel(self) -> bool:
        return not self._cancelling.is_ignored

    async def _before_suspending(self) -> None:
        await self.checkpoint()
        await self._reporter.flush()

    def _after(self, woken: Woken | None) -> Woken:
        if woken is None:
            raise Suspended
        if woken.cancelled:
            self._cancelling.ask()
            raise Cancelled
        return woken

    def _claim_name(self, name: str) -> None:
        if name in self._names:
            msg = f"step name used twice: {name}"
            raise ValueError(msg)
        self._names.add(name)

    async def _commit(self, name: str, result: Any, changes: Sequence[Change]) -> None:
        cards = [change.progress for change in changes if isinstance(change, CardChanged)]
        async with AsyncExitStack() as stack:
            if cards:
                await stack.enter_async_context(self._reporter.replaced(cards[-1]))
            cancel = await self._ledger.commit(name, result, changes)
        self._recorded[name] = result
        if cards:
            self.progress = cards[-1]
        if cancel:
            self.ask_to_cancel()

    def _shown(self, progress: Shown) -> Shown:
        cancelling = progress.cancelling or self._cancelling.asked
        return self._troubles.over(replace(progress, cancelling=cancelling))
