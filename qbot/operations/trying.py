"""A neighbour is asked until it answers; who may have been heard already is looked for first."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from qbot.domain.hanging import hearing
from qbot.domain.names import OpId
from qbot.domain.ports import Clock, Fenced
from qbot.errors import AwayError, TransientError
from qbot.operations.needed import Still, rested
from qbot.operations.refusals import Refusals
from qbot.operations.retry import Backoff
from qbot.operations.sitting_out import Allowance
from qbot.operations.troubles import Troubles

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """What the engine lends to a run."""

    clock: Clock
    jitter: Callable[[], float]
    held: Callable[[], bool]  # whether the worker's lease is surely its own still
    settle: float  # seconds that a run after a crash waits before it first looks or acts
    refusals: Refusals = field(default_factory=Refusals)


class Told(Protocol):
    """Lets the card say which neighbour does not answer; see `Run.trouble`."""

    def __call__(
        self,
        message: str,
        *,
        source: str = "",
        tried: int = 0,
        wait: float | None = None,
        since: datetime | None = None,
    ) -> None:
        """An empty message ends it."""


class Trying:
    """Belongs to one run.

    Args:
        op: the operation.
        footing: what the engine lends to the run.
        resumed: whether an earlier run may have ended in the middle of an effect.
        sleep: waits for seconds; a wish to cancel ends it.
        troubles: of the run.
        told: puts one among them, or ends it.
    """

    def __init__(
        self,
        op: OpId,
        footing: Footing,
        *,
        resumed: bool,
        sleep: Callable[[float], Awaitable[None]],
        troubles: Troubles,
        told: Told,
    ) -> None:
        self._op = op
        self._footing = footing
        self._resumed = resumed
        self._sleep = sleep
        self._troubles = troubles
        self._told = told
        self._settling = asyncio.Lock()
        self._settled = not resumed

    async def through(
        self,
        name: str,
        do: Callable[[], Awaitable[T]],
        find: Callable[[], Awaitable[T | None]] | None,
        within: float | None,
        backoff: Backoff,
        *,
        sits_out: bool = False,
        still: Still | None = None,
    ) -> T:
        """Its answer; see `Run.step` for the arguments.

        Raises:
            TransientError: there was none `within` that time.
            Cancelled: somebody asked to cancel while it waited for another try.
            Fenced: another worker may be at it.
        """
        await self._settle()
        look, tries, asked = self._resumed, 0, 0
        allowed = Allowance(within, self._footing.clock, sits_out=sits_out)
        try:
            if still:
                await still()
            while True:
                allowed.begins()
                try:
                    with hearing(partial(self._hangs, name)):
                        return await self._go(do, find if look else None)
                except TransientError as error:
                    if still:
                        await still()
                    delay = backoff.delay(tries, error, self._footing.jitter())
                    unasked = isinstance(error, AwayError)
                    asked += not unasked
                    wait = allowed.wait(delay, error)
                    if wait is None:
                        raise
                    tried = 0 if unasked else asked
                    self._told(str(error), source=name, tried=tried, wait=wait, since=error.since)
                    await rested(wait, still, self._sleep)
                    look, tries = True, tries + 1
        finally:
            if self._troubles.has(name):
                self._told("", source=name)

    async def _go(
        self, do: Callable[[], Awaitable[T]], find: Callable[[], Awaitable[T | None]] | None
    ) -> T:
        found = await find() if find else None
        if found is not None:
            return found
        if not self._footing.held():
            # Frozen or cut off for most of the lease: another worker may be at it already.
            raise Fenced(self._op)
        return await do()

    def _hangs(self, name: str, message: str, since: datetime | None) -> None:
        """It is not given up on yet: people need not wait as long to hear of it."""
        if message or self._troubles.has(name):
            self._told(message, source=name, since=since)

    async def _settle(self) -> None:
        """Let a request that the dead run had on the wire land before anybody looks for it."""
        async with self._settling:
            if not self._settled:
                await self._sleep(self._footing.settle)
                self._settled = True
