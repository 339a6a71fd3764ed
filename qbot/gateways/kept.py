"""Answers that are kept for a while; who asks for the same at the same moment shares one call."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from qbot.domain.ports import Clock
from qbot.errors import TransientError
from qbot.gateways.pace import Pace

Key = TypeVar("Key")
Value = TypeVar("Value")

_NEW = 15.0  # seconds; of what is urgent, where each question has to wait for its turn
_JOIN = 1.0  # seconds; a call that is older may tell of a time before somebody asked anew
_MOST = 5_000


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Value]):
    value: Value
    asked_at: float


@dataclass(slots=True, eq=False)
class _Flight(Generic[Value]):
    """A call; until it is its turn, whoever comes shares it."""

    task: asyncio.Task[Value] = field(init=False)
    urgent: asyncio.Event = field(default_factory=asyncio.Event)
    sent_at: float | None = None
    generation: int = 0  # of what is kept, as it was sent


class Kept(Generic[Key, Value]):
    """One kind of question. A failed answer is kept by nobody.

    With a `pace` calls wait for their turn, and those who ask meanwhile share the one that comes:
    many looks cost few calls, and none is answered from before it was asked for, but an urgent one
    by an answer of the last seconds. One urgent look among them is enough for the call not to wait
    for theirs.
    """

    def __init__(
        self,
        ask: Callable[[Key], Awaitable[Value]],
        clock: Clock,
        *,
        seconds: float,
        join: float = _JOIN,
        pace: Pace | None = None,
    ) -> None:
        self._ask = ask
        self._join = join
        self._clock = clock
        self._seconds = seconds
        self._pace = pace
        self._generation = 0
        self._entries: dict[Key, _Entry[Value]] = {}
        self._flights: dict[Key, _Flight[Value]] = {}

    def forget(self) -> None:
        """Something has changed: nothing that was asked before now is an answer any more."""
        self._generation += 1
        self._entries.clear()

    async def get(self, key: Key, *, fresh: bool, urgent: bool = False) -> Value:
        """The answer.

        Args:
            key: what is asked for.
            fresh: not from what is kept, but see `urgent`. Without it an old answer stands in for a
                neighbour that is away.
            urgent: where there is a pace it goes before what is not, and what was asked a few
                seconds ago is new enough.

        Raises:
            TransientError: the neighbour is away, and nothing is known or it had to be fresh.
            PermanentError: it refuses.
        """
        hurried = _NEW if urgent and self._pace else 0.0
        if known := self._known(key, hurried if fresh else self._seconds):
            return known.value
        try:
            flight = self._flight(key, self._clock.monotonic())
            if urgent:
                flight.urgent.set()
            return await asyncio.shield(flight.task)
        except TransientError:
            old = self._entries.get(key)
            if old is None or fresh:
                raise
            return old.value

    def at_hand(self, key: Key) -> Value | None:
        """What `get` would answer at once without `fresh`; None also where there is no answer."""
        known = self._known(key, self._seconds)
        return known.value if known else None

    def _known(self, key: Key, seconds: float) -> _Entry[Value] | None:
        """What is kept and younger than this."""
        known = self._entries.get(key)
        if known is None or self._clock.monotonic() - known.asked_at >= seconds:
            return None
        return known

    def _flight(self, key: Key, now: float) -> _Flight[Value]:
        flying = self._flights.get(key)
        if flying is not None and self._is_new(flying, now):
            return flying
        flight = self._flights[key] = _Flight[Value]()
        flight.task = asyncio.create_task(self._flown(key, flight))
        flight.task.add_done_callback(partial(self._landed, key, flight))
        return flight

    def _is_new(self, flight: _Flight[Value], now: float) -> bool:
        if flight.sent_at is None:
            return True
        return flight.generation == self._generation and now - flight.sent_at <= self._join

    async def _flown(self, key: Key, flight: _Flight[Value]) -> Value:
        if self._pace is not None:
            await self._pace.turn(flight.urgent)
        flight.sent_at, flight.generation = self._clock.monotonic(), self._generation
        try:
            return await self._ask(key)
        except TransientError as error:
            if self._pace is not None and error.retry_after is not None:
                self._pace.close(error.retry_after)
            raise

    def _landed(self, key: Key, flight: _Flight[Value], task: asyncio.Task[Value]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if task.cancelled() or task.exception() is not None:
            return
        if flight.sent_at is None or flight.generation != self._generation:
            return
        known = self._entries.pop(key, None)
        if known is not None and known.asked_at > flight.sent_at:
            self._entries[key] = known  # a later question was answered sooner
            return
        if len(self._entries) >= _MOST:
            self._entries.pop(next(iter(self._entries)))
        self._entries[key] = _Entry(task.result(), flight.sent_at)
