"""An absent database is waited for; nothing fails because of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import structlog

from qbot.domain.changes import Change
from qbot.domain.journal import Recording
from qbot.domain.operation import Claim, Woken
from qbot.domain.progress import End
from qbot.domain.release import Shown
from qbot.errors import TransientError
from qbot.operations.retry import Backoff

T = TypeVar("T")
_BACKOFF = Backoff(first=0.1, most=5.0)
_log = structlog.get_logger()


class Patience:
    """One for an engine, so that an outage is logged once and not by every operation."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._away = False

    async def through(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call until the database answers. A lost claim shows as Fenced, which is not retried."""
        tries = 0
        while True:
            try:
                result = await call()
            except TransientError as error:
                self.missed(error)
                await asyncio.sleep(_BACKOFF.delay(tries, error, self._jitter()))
                tries += 1
            else:
                self.answered()
                return result

    def missed(self, error: TransientError) -> None:
        """The database did not answer."""
        if not self._away:
            self._away = True
            _log.warning("database away, operations wait for it", error=str(error))

    def answered(self) -> None:
        """It did."""
        if self._away:
            self._away = False
            _log.info("database back")


class Ledger:
    """One claim's side of the journal. Every call raises Fenced once the claim is lost."""

    def __init__(self, journal: Recording, claim: Claim, patience: Patience) -> None:
        self._journal = journal
        self._claim = claim
        self._patience = patience

    async def commit(self, step: str, result: Any, changes: Sequence[Change]) -> bool:
        """Record a step; True: a cancel is asked for."""
        return await self._patience.through(
            lambda: self._journal.commit(self._claim, step, result, changes)
        )

    async def report(self, progress: Shown) -> None:
        """Let the card show this."""
        await self._patience.through(lambda: self._journal.report(self._claim, progress))

    async def nap(self, topic: str, until: datetime, *, heed_cancel: bool) -> Woken | None:
        """Use up signals or suspend."""
        return await self._patience.through(
            lambda: self._journal.nap(self._claim, topic, until, heed_cancel=heed_cancel)
        )

    async def acquire(self, scope: str, *, first: bool, heed_cancel: bool) -> Woken | None:
        """Take a lock or queue for it."""
        return await self._patience.through(
            lambda: self._journal.acquire(self._claim, scope, first=first, heed_cancel=heed_cancel)
        )

    async def let_go(self) -> None:
        """Hold no lock."""
        await self._patience.through(lambda: self._journal.let_go(self._claim))

    async def finish(self, end: End, headline: str, changes: Sequence[Change]) -> None:
        """End the operation."""
        await self._patience.through(
            lambda: self._journal.finish(self._claim, end, headline, changes)
        )

    async def release(self) -> None:
        """Give the operation back."""
        await self._patience.through(lambda: self._journal.release(self._claim))
