"""An answer that is long in coming is told of before anybody gives up waiting for it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TypeAlias

Hangs: TypeAlias = Callable[[str, datetime | None], None]
"""Told what is not answered, and since when; empty: that is over."""

LONG = 10.0  # seconds
_TOLD: ContextVar[Hangs | None] = ContextVar("hangs", default=None)


@contextmanager
def hearing(told: Hangs) -> Iterator[None]:
    """Tell this one of the calls within."""
    token = _TOLD.set(told)
    try:
        yield
    finally:
        _TOLD.reset(token)


@contextmanager
def awaited(what: str, began: datetime, *, after: float = LONG) -> Iterator[None]:
    """Around one call, within a task: it is told of `after` so many seconds."""
    told = _TOLD.get()
    if told is None:
        yield
        return
    due = asyncio.get_running_loop().time() + after
    timer = asyncio.get_running_loop().call_at(due, told, f"{what}: no answer yet.", began)
    try:
        yield
        if asyncio.get_running_loop().time() >= due:  # else nothing was told
            told("", None)
    finally:
        timer.cancel()
