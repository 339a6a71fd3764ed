"""A keyed work queue with a fixed number of workers, like client-go's.

A key that waits is held once; a key that is being worked on is never worked on twice at the same
time, and runs again afterwards if it was added meanwhile.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from qbot.sandbox.kernel import Kernel

log = logging.getLogger(__name__)


class WorkQueue:
    """Calls `handle(key)` for each key that is added."""

    def __init__(
        self, kernel: Kernel, name: str, workers: int, handle: Callable[[str], Awaitable[None]]
    ) -> None:
        self._kernel = kernel
        self._name = name
        self._workers = workers
        self._handle = handle
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._waiting: set[str] = set()
        self._busy: set[str] = set()

    def start(self) -> None:
        """Start the workers; they end with the kernel."""
        for number in range(self._workers):
            _ = self._kernel.spawn(self._work(), f"argocd-{self._name}-{number}")

    def add(self, key: str) -> None:
        """Have the key worked on soon."""
        if key not in self._waiting:
            self._waiting.add(key)
            if key not in self._busy:
                self._ready.put_nowait(key)

    def add_after(self, key: str, seconds: float) -> None:
        """Have the key worked on when that much work time has passed."""
        _ = self._kernel.spawn(self._add_later(key, seconds), f"argocd-{self._name}-later")

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        while not self._ready.empty():
            self._ready.get_nowait()

    async def _add_later(self, key: str, seconds: float) -> None:
        await self._kernel.clock.work(seconds)
        self.add(key)

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            if key not in self._waiting:
                continue
            self._waiting.discard(key)
            self._busy.add(key)
            try:
                await self._handle(key)
            except Exception:
                # One bad key must not cost a worker; tests fail on what is logged here.
                log.exception("%s worker failed on %s", self._name, key)
            finally:
                self._busy.discard(key)
                if key in self._waiting:
                    self._ready.put_nowait(key)
