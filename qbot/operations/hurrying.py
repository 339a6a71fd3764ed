"""A dry run has no card: whoever asked for it is told soon that a neighbour keeps it waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from qbot.domain.hanging import given_up
from qbot.domain.ports import Answers, Clock
from qbot.errors import TransientError
from qbot.operations.handler import Outcome
from qbot.operations.run import Run

_SOON = 2.0  # seconds, of the three that people take for an answer
_LONGEST = 30.0  # seconds; nothing is lost where a preview is given up
_UNKNOWN = f"It took longer than {_LONGEST:.0f} s"  # each may have answered, and too slowly


async def hurried(
    body: Callable[[Run], Awaitable[Outcome]], run: Run, answers: Answers, clock: Clock
) -> Outcome:
    """The body's outcome.

    Raises:
        TransientError: it took too long; says what it waited for.
    """
    work = asyncio.ensure_future(body(run))
    try:
        if not await _ends(work, clock, _SOON):
            await answers.waiting(run.operation, run.in_trouble)
            if not await _ends(work, clock, _LONGEST - _SOON):
                raise TransientError(given_up(run.in_trouble) or _UNKNOWN)
        return await work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def _ends(work: asyncio.Future[Outcome], clock: Clock, seconds: float) -> bool:
    pause = asyncio.ensure_future(clock.sleep(seconds))
    try:
        both: set[asyncio.Future[Any]] = {work, pause}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pause.cancel()
        await asyncio.gather(pause, return_exceptions=True)
    return work.done()
