"""Asking for what may be long in coming, as long as somebody still needs the answer."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
Still = Callable[[], Awaitable[None]]
"""Raises once nobody does, Cancelled as a rule."""

TICK = 2.0
"""Seconds within which it is noticed that nobody does."""


async def while_needed(
    work: Coroutine[Any, Any, T], still: Still, sleep: Callable[[float], Awaitable[None]]
) -> T:
    """The answer of the work, or what `still` raises before that.

    Args:
        work: has no effect; it is cancelled in its midst.
        still: asked every few seconds.
        sleep: of the operation that asks, for seconds.
    """
    asked, over = asyncio.create_task(work), asyncio.create_task(_over(still, sleep))
    try:
        await asyncio.wait({asked, over}, return_when=asyncio.FIRST_COMPLETED)
        return await (asked if asked.done() else over)
    finally:
        asked.cancel()
        over.cancel()
        await asyncio.gather(asked, over, return_exceptions=True)


async def rested(
    seconds: float, still: Still | None, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Sleep so long, or until `still` raises; None: nobody else may need it no more."""
    while still and seconds > TICK:
        await sleep(TICK)
        await still()
        seconds -= TICK
    await sleep(seconds)
    if still:
        await still()


async def _over(still: Still, sleep: Callable[[float], Awaitable[None]]) -> NoReturn:
    while True:
        await sleep(TICK)
        await still()
