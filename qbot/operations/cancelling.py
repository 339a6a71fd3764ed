"""A wish to cancel, as a run feels it: between effects and in waits, never inside an effect."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from qbot.operations.handler import Cancelled

T = TypeVar("T")


class Cancelling:
    """Belongs to one run."""

    def __init__(self, *, asked: bool) -> None:
        self._asked = asyncio.Event()
        self._ignored = 0
        if asked:
            self._asked.set()

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked.is_set()

    @property
    def due(self) -> bool:
        """Whether the run should stop: somebody asked, and it is not cleaning up already."""
        return self.asked and not self._ignored

    @property
    def is_ignored(self) -> bool:
        """Whether a wish to cancel has to wait."""
        return self._ignored > 0

    def ask(self) -> None:
        """Somebody asks."""
        self._asked.set()

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """What has to happen also after a wish to cancel."""
        self._ignored += 1
        try:
            yield
        finally:
            self._ignored -= 1

    async def interruptible(self, awaitable: Awaitable[T]) -> T:
        """Wait for something that a wish to cancel ends early.

        Raises:
            Cancelled: somebody asked before it was done; it was cancelled itself.
        """
        work = asyncio.ensure_future(awaitable)
        asked = asyncio.ensure_future(self._asked.wait())
        try:
            if not self._ignored:
                await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    raise Cancelled
            return await work
        finally:
            asked.cancel()
            work.cancel()
            await asyncio.gather(asked, work, return_exceptions=True)
