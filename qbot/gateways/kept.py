"""Answers that are kept for a while; who asks for the same at the same moment shares one call."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from qbot.domain.ports import Clock
from qbot.errors import TransientError

Key = TypeVar("Key")
Value = TypeVar("Value")

_JOIN = 1.0  # seconds; a call that is older may tell of a time before somebody asked anew
_MOST = 5_000


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Value]):
    value: Value
    asked_at: float


class Kept(Generic[Key, Value]):
    """One kind of question. A failed answer is kept by nobody."""

    def __init__(
        self,
        ask: Callable[[Key], Awaitable[Value]],
        clock: Clock,
        *,
        seconds: float,
        join: float = _JOIN,
    ) -> None:
        self._ask = ask
        self._join = join
        self._clock = clock
        self._seconds = seconds
        self._entries: dict[Key, _Entry[Value]] = {}
        self._flights: dict[Key, tuple[float, asyncio.Task[Value]]] = {}

    async def get(self, key: Key, *, fresh: bool) -> Value:
        """The answer.

        Args:
            key: what is asked for.
            fresh: not from what is kept. Without it an old answer stands in for a neighbour that
                is away.

        Raises:
            TransientError: the neighbour is away, and nothing is known or it had to be fresh.
            PermanentError: it refuses.
        """
        known = self._entries.get(key)
        now = self._clock.monotonic()
        if known is not None and not fresh and now - known.asked_at < self._seconds:
            return known.value
        try:
            return await asyncio.shield(self._flight(key, now))
        except TransientError:
            if known is None or fresh:
                raise
            return known.value

    def _flight(self, key: Key, now: float) -> asyncio.Task[Value]:
        flying = self._flights.get(key)
        if flying is not None and now - flying[0] <= self._join:
            return flying[1]
        task = asyncio.create_task(self._awaited(key))
        self._flights[key] = (now, task)
        task.add_done_callback(partial(self._landed, key, now))
        return task

    async def _awaited(self, key: Key) -> Value:
        return await self._ask(key)

    def _landed(self, key: Key, asked_at: float, task: asyncio.Task[Value]) -> None:
        if self._flights.get(key, (0.0, None))[1] is task:
            del self._flights[key]
        if task.cancelled() or task.exception() is not None:
            return
        known = self._entries.pop(key, None)
        if known is not None and known.asked_at > asked_at:
            self._entries[key] = known  # a later question was answered sooner
            return
        if len(self._entries) >= _MOST:
            self._entries.pop(next(iter(self._entries)))
        self._entries[key] = _Entry(task.result(), asked_at)
