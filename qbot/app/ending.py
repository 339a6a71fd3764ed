"""The end of the process: what is under way is given back, in time for whoever waits."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog

log = structlog.get_logger()
LIMIT = 9.0
"""Seconds from the signal to the end of the process, whatever hangs: ten are promised."""


def end_within(seconds: float) -> None:
    """From here on the process has so many seconds.

    All is written down where it is decided, so that a hard end loses nothing; what is more, threads
    that wait for a neighbour would keep a soft one waiting for as long as that hangs.
    """
    timer = threading.Timer(seconds, _give_up)
    timer.daemon = True
    timer.start()


def _give_up() -> None:
    log.warning("stopped in the middle of a call that hangs", next_step="none: nothing is lost")
    os._exit(0)


async def together(*stops: Callable[[], Awaitable[None]]) -> None:
    """All at once, since each has to wait for others; one that fails keeps nobody."""
    answers: Sequence[object] = await asyncio.gather(
        *(stop() for stop in stops), return_exceptions=True
    )
    for error in answers:
        if isinstance(error, Exception):
            log.error("a part did not stop as it should", exc_info=error)


def in_background(work: Coroutine[Any, Any, None], name: str, stack: AsyncExitStack) -> None:
    """Begin it; the stack ends it. One that ends by itself is a fault, and the log says so."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_ended)
    stack.push_async_callback(_end, task)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.error("background work ended", name=task.get_name(), exc_info=task.exception())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
