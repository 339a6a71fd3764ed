"""Reading a fact, or why it cannot be read; many at once, for so long and no longer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from qbot.domain.diagnosis.findings import Unread
from qbot.domain.ports import Fenced
from qbot.errors import QbotError, TransientError

Key = TypeVar("Key")
Value = TypeVar("Value")
WITHIN = 30.0  # seconds for one fact, turns included


async def tried(work: Awaitable[Value], within: float = WITHIN) -> Value | Unread:
    """The fact, or why it is not known."""
    try:
        async with asyncio.timeout(within):
            return await work
    except TimeoutError:
        return Unread(f"No answer came within {within:g} s.", away=True)
    except TransientError as error:
        return Unread(str(error), away=True, limited=error.retry_after is not None)
    except QbotError as error:
        return Unread(str(error))
    except Fenced:  # whoever examines holds no lease, so nothing of this kind is ever sent
        return Unread("That would have changed something.")


async def each(
    keys: Iterable[Key], ask: Callable[[Key], Awaitable[Value]]
) -> Mapping[Key, Value | Unread]:
    """For all at once; the gateways send as many at a time as they may."""
    wanted = list(dict.fromkeys(keys))
    found = await asyncio.gather(*(tried(ask(key)) for key in wanted))
    return dict(zip(wanted, found, strict=True))
