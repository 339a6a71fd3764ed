"""One claimed operation on its way through its handler: a task, and how it comes to its end."""

import asyncio
from collections.abc import Callable

import structlog

from qbot.domain.changes import CardChanged, Change
from qbot.domain.journal import Recording
from qbot.domain.meters import WorkMeter
from qbot.domain.operation import Claim
from qbot.domain.ports import EndedMeanwhile, Fenced
from qbot.domain.progress import End
from qbot.domain.release import Shown
from qbot.errors import QbotError
from qbot.operations.caught import caught
from qbot.operations.handler import Cancelled, Handler, Outcome, Suspended
from qbot.operations.patience import Ledger, Patience
from qbot.operations.run import Run
from qbot.operations.trying import Footing

_log = structlog.get_logger()


class Carrier:
    """Makes the run, sees to its end, and lets go of it where it is lost."""

    def __init__(
        self,
        journal: Recording,
        claim: Claim,
        patience: Patience,
        footing: Footing,
        meter: WorkMeter,
    ) -> None:
        self.op = claim.operation.id
        self.fence = claim.fence
        self._ledger = Ledger(journal, claim, patience)
        self.run = Run(claim, self._ledger, footing)
        self._clock, self._meter, self._refusals = footing.clock, meter, footing.refusals
        operation = self._operation = claim.operation
        self._log = _log.bind(op=operation.id, kind=operation.kind.value, env=operation.env)
        self._task: asyncio.Task[None] | None = None
        self._ending = self._lost = False

    def begin(
        self, handler: Handler, *, after: "Carrier | None", ended: Callable[["Carrier"], None]
    ) -> None:
        """Start; `after` is an earlier go at the same operation that may still be unwinding."""
        self._task = asyncio.create_task(self._carry(handler, after), name=f"operation {self.op}")
        self._task.add_done_callback(lambda _: ended(self))

    def drop(self) -> None:
        """Stop in the middle, and write nothing more."""
        if self._task is not None:
            self._task.cancel()

    def lose(self) -> None:
        """The claim is gone; an operation that is just being ended is no longer claimed either."""
        if not self._ending:
            self._count_lost()
            self.drop()

    async def give_back(self) -> None:
        """Wait for the task to unwind, then let others go on at once."""
        await self.unwound()
        await self._ledger.release()

    async def unwound(self) -> None:
        """Until nothing of it runs any more."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _carry(self, handler: Handler, after: "Carrier | None") -> None:
        if after is not None:
            await after.unwound()
        self._log.info("operation begins", resumed=self.run.resumed, fence=self.fence)
        try:
            error = await caught(self._to_the_end(handler))
            if error is not None:
                self._log.error("operation cannot be ended, it starts anew", exc_info=error)
        except Suspended:
            self._log.info("operation waits")
        except Fenced:
            self._count_lost()
            self._log.warning("operation lost to another worker")
        except asyncio.CancelledError:
            self._log.warning("operation interrupted")
            raise
        finally:
            await self.run.close()

    async def _to_the_end(self, handler: Handler) -> None:
        await self._finish(await self._outcome(handler))

    async def _outcome(self, handler: Handler) -> Outcome:
        match await caught(handler(self.run)):
            case Outcome() as outcome:
                return outcome
            case Cancelled():
                return Outcome(End.CANCELLED, "Cancelled.")
            case QbotError() as error:
                self._log.warning("operation failed", error=str(error))
                return Outcome(End.FAILED, str(error))
            case error:
                self._log.error("operation failed by a bug", exc_info=error)
                return self._bug()

    async def _finish(self, outcome: Outcome) -> None:
        self._ending = True
        unwritten = await self.run.close()
        changes: list[Change] = list(outcome.changes)
        if unwritten and not any(isinstance(change, CardChanged) for change in changes):
            changes.insert(0, CardChanged(unwritten))
        error = await caught(self._ledger.finish(outcome.end, outcome.headline, changes))
        if isinstance(error, EndedMeanwhile):
            await self._ended_meanwhile(error, unwritten)
            return
        if error is not None:
            self._log.error("the end of an operation was refused", exc_info=error)
            outcome = self._bug()
            await self._ledger.finish(outcome.end, outcome.headline, ())
        self._ended(outcome.end)

    async def _ended_meanwhile(self, error: EndedMeanwhile, unwritten: Shown | None) -> None:
        """It starts anew, and finds what is so now; where it does not, it ends as that."""
        wait = self._refusals.wait(self.op, self._clock.monotonic())
        if wait is not None:
            self._log.info("operation was ended otherwise meanwhile", wait=wait)
            self._ending = False
            if wait:
                await self._clock.sleep(wait)
            await self._ledger.release()
            return
        self._log.error("operation does not find how it was ended, and ends so", error=str(error))
        changes = [CardChanged(unwritten)] if unwritten else []
        await self._ledger.finish(error.end, error.why, changes)
        self._ended(error.end)

    def _ended(self, end: End) -> None:
        self._refusals.over(self.op)
        self._count(end)
        self._log.info("operation ended", end=end.value)

    def _count(self, end: End) -> None:
        took = self._clock.now() - self._operation.created_at
        self._meter.ended(self._operation.kind, end, max(took.total_seconds(), 0.0))

    def _count_lost(self) -> None:
        if not self._lost:
            self._lost = True
            self._meter.lost()

    def _bug(self) -> Outcome:
        return Outcome(
            End.FAILED, f"Something went wrong inside Qbot; its log has the reason under {self.op}."
        )
