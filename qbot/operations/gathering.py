"""Many coroutines of one operation, some at a time, all of them to their end."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from qbot.operations.caught import caught
from qbot.operations.handler import Cancelled

T = TypeVar("T")
PARALLEL = 16


async def gather(
    coroutines: Sequence[Coroutine[Any, Any, T]], limit: int = PARALLEL
) -> list[T | Exception]:
    """Results and errors in the order given; one failure does not stop the rest.

    Raises:
        Cancelled: one of them was cancelled; the others have come to their end.
    """
    places = asyncio.Semaphore(limit)

    async def one(coroutine: Coroutine[Any, Any, T]) -> T | Exception:
        async with places:
            return await caught(coroutine)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(c)) for c in coroutines]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        for coroutine in coroutines:
            coroutine.close()  # those that never began
    results = [task.result() for task in tasks]
    for result in results:
        if isinstance(result, Cancelled):
            raise result
    return results
