"""The durable side of the engine, over either driver."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from qbot.domain.changes import Change
from qbot.domain.names import OpId
from qbot.domain.operation import (
    Beat,
    BranchTaken,
    Claim,
    NewEnvironment,
    QuotaReached,
    Submission,
    Submitted,
    Woken,
)
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.domain.progress import End, Kind
from qbot.domain.release import Shown
from qbot.store import queue, signalling, steps, turns
from qbot.store import submit as submitting
from qbot.store.statements import Channel, Driver

_TURN_SECONDS = 0.01  # how long another replica's claim takes
_TURNS = 10


class SqlJournal:
    """Implements the port `Journal`; see there for what each call promises."""

    def __init__(self, driver: Driver, *, clock: Clock, ids: Callable[[], str]) -> None:
        self._driver = driver
        self._clock = clock
        self._ids = ids

    async def submit(
        self, wish: Submission, new: NewEnvironment | None = None
    ) -> Submitted | BranchTaken | QuotaReached:
        """Write an operation down, or say what stands in its place."""
        op = OpId(self._ids())
        return await self._driver.run(submitting.submit(wish, new, op, self._clock.now()))

    async def claim(
        self,
        worker: str,
        limit: int,
        *,
        kinds: Collection[Kind] | None = None,
        previews: int | None = None,
    ) -> Sequence[Claim]:
        """Take up to `limit` operations that may run, and up to `previews` dry runs."""
        known, dry = (
            tuple(Kind) if kinds is None else kinds,
            limit if previews is None else previews,
        )
        for _ in range(_TURNS):
            script = queue.claim(worker, limit, known, self._clock.now(), previews=dry)
            claims = await self._driver.run(script)
            if claims is not None:
                return claims
            await asyncio.sleep(_TURN_SECONDS)
        return []  # whoever is in the way may be frozen: the caller has its own lease to renew

    async def commit(
        self, claim: Claim, step: str, result: Any, changes: Sequence[Change] = ()
    ) -> bool:
        """Record a step's result together with its changes; True: a cancel is asked for."""
        now = self._clock.now()
        if not changes:
            done = await self._driver.run(steps.commit_bare(claim, step, result, now))
            if done is not None:
                return done
        return await self._driver.run(steps.commit(claim, step, result, changes, now))

    async def report(self, claim: Claim, progress: Shown) -> None:
        """Let the card show this."""
        await self._driver.run(steps.report(claim, progress, self._clock.now()))

    async def finish(
        self, claim: Claim, end: End, headline: str, changes: Sequence[Change] = ()
    ) -> None:
        """End the operation together with its last changes."""
        await self._driver.run(steps.finish(claim, end, headline, changes, self._clock.now()))

    async def release(self, claim: Claim) -> None:
        """Give an unfinished operation back at once."""
        await self._driver.run(queue.release(claim))

    async def nap(
        self, claim: Claim, topic: str, until: datetime, *, heed_cancel: bool = True
    ) -> Woken | None:
        """Use up the topic's signals, or give the operation up as waiting, without a lock."""
        now = self._clock.now()
        return await self._driver.run(turns.nap(claim, topic, until, now, heed_cancel=heed_cancel))

    async def acquire(
        self, claim: Claim, scope: str, *, first: bool, heed_cancel: bool = True
    ) -> Woken | None:
        """Take a lock, or give the operation up to its queue."""
        now = self._clock.now()
        return await self._driver.run(
            turns.acquire(claim, scope, now, first=first, heed_cancel=heed_cancel)
        )

    async def let_go(self, claim: Claim) -> None:
        """Hold no lock any more."""
        await self._driver.run(turns.let_go(claim))

    async def signal(
        self, op: OpId, topic: str, key: str, payload: Mapping[str, Any]
    ) -> bool | None:
        """Hand something to an operation; the same (topic, key) counts once."""
        return await self._driver.run(signalling.signal(op, topic, key, payload, self._clock.now()))

    def listen(self, *, work: Callable[[], None], cancel: Callable[[], None]) -> None:
        """Be woken by commits, of other replicas too."""
        self._driver.listen(Channel.WORK, work)
        self._driver.listen(Channel.CANCEL, cancel)

    async def beat(
        self, worker: str, running: Collection[tuple[OpId, int]], *, lease: float = 30.0
    ) -> Beat:
        """Renew the worker's lease, and free the work of dead workers."""
        await self._driver.run(queue.renew(worker, lease))
        return await self._driver.run(queue.look_after(worker, running))

    async def leave(self, worker: str) -> None:
        """Give the worker's lease back."""
        await self._driver.run(queue.leave(worker))

    async def request_cancel(self, op: OpId, actor: Actor) -> bool:
        """Ask a queued or running operation to stop; False when it has ended already."""
        return await self._driver.run(submitting.request_cancel(op, actor, self._clock.now()))
