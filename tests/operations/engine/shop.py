"""Engines over a real database, and ways to stop them as rudely as a crash does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from qbot.domain.changes import Change
from qbot.domain.journal import Journal
from qbot.domain.lease import Lease
from qbot.domain.names import OpId
from qbot.domain.operation import CardRow, Claim, Operation
from qbot.domain.progress import End, Kind
from qbot.operations.engine import Engine, Handler, Outcome
from tests.clocks import HandClock
from tests.store.wishes import BEN, Wishes, until

DONE = Outcome(End.SUCCEEDED, "done")


class Shop:
    """Starts engines whose handler is the same for every kind."""

    def __init__(self, wishes: Wishes, clock: HandClock) -> None:
        self.wishes = wishes
        self.clock = clock
        self._engines: list[Engine] = []

    async def engine(
        self,
        handler: Handler,
        *,
        worker: str = "a",
        journal: Journal | None = None,
        lease: Lease | None = None,
        **how: Any,
    ) -> Engine:
        engine = Engine(
            journal or self.wishes.journal,
            dict.fromkeys(Kind, handler),
            self.clock,
            worker=worker,
            lease=lease or Lease(30.0),
            jitter=lambda: 1.0,
            **{"settle": 0.0, "poll": 0.05, "beat": 0.05} | how,
        )
        self._engines.append(engine)
        await engine.start()
        return engine

    async def kill(self, engine: Engine) -> None:
        """As kill -9 does: nothing is given back or written; its lease is over at once."""
        tasks = [*engine._loops, *(c._task for c in engine._carriers.values() if c._task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.wishes.look("delete from workers")

    async def crashed(self, handler: Handler, *, at: str, recorded: bool) -> OpId:
        """A create whose worker dies at this step, before or after it is recorded."""
        hooked = Hooked(self.wishes.journal, at, recorded=recorded)
        engine = await self.engine(handler, journal=hooked)
        op = (await self.wishes.create("a")).id
        await hooked.reached.wait()
        await self.kill(engine)
        return op

    async def cancelled_asleep(self, op: OpId) -> None:
        """Somebody cancels it while it waits for the clock."""
        await self.clock.asleep(2)  # the engine does, too
        await self.wishes.journal.request_cancel(op, BEN)
        assert (await self.ended(op)).end is End.CANCELLED

    async def close(self) -> None:
        for engine in self._engines:
            await self.kill(engine)

    async def ended(self, op: OpId) -> Operation:
        async def look() -> Operation | None:
            found = await self.wishes.operation(op)
            return found if found.end else None

        found = await until(look)
        assert found
        return found

    async def run(self, handler: Handler) -> Operation:
        """One operation to its end."""
        await self.engine(handler)
        return await self.ended((await self.wishes.create("a")).id)

    async def card(self, op: OpId) -> CardRow:
        found = await self.wishes.database.cards.card(op)
        assert found
        return found

    async def card_when(self, op: OpId, true: Callable[[CardRow], bool]) -> CardRow:
        async def look() -> CardRow | None:
            card = await self.card(op)
            return card if true(card) else None

        found = await until(look)
        assert found
        return found


@pytest.fixture
async def shop(wishes: Wishes, clock: HandClock) -> AsyncIterator[Shop]:
    made = Shop(wishes, clock)
    yield made
    await made.close()


class Outside:
    """What operations do to the world, counted."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def do(self, name: str) -> Callable[[], Awaitable[str]]:
        async def effect() -> str:
            self.done.append(name)
            return name

        return effect

    def find(self, name: str) -> Callable[[], Awaitable[str | None]]:
        async def look() -> str | None:
            return name if name in self.done else None

        return look


class Hooked:
    """A journal that stops for ever before or after it records one step: a crash comes there."""

    def __init__(self, journal: Journal, step: str, *, recorded: bool) -> None:
        self._journal = journal
        self._step = step
        self._recorded = recorded
        self.reached = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def commit(
        self, claim: Claim, step: str, result: Any, changes: Sequence[Change] = ()
    ) -> bool:
        if step == self._step and not self._recorded:
            await self._stop()
        cancel = await self._journal.commit(claim, step, result, changes)
        if step == self._step:
            await self._stop()
        return cancel

    async def _stop(self) -> None:
        self.reached.set()
        await asyncio.Event().wait()
