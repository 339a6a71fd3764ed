"""The one place that catches everything, so that no error of one operation ends another or more."""

from collections.abc import Awaitable
from typing import TypeVar

from qbot.domain.ports import Fenced

T = TypeVar("T")


async def caught(work: Awaitable[T]) -> T | Exception:
    """The result, or the error as a value: the caller decides what it means.

    Raises:
        Fenced: the claim was lost, and with it the right to decide anything.
    """
    try:
        return await work
    except Fenced:
        raise
    except Exception as error:  # noqa: BLE001  (not swallowed: the caller gets it)
        return error
