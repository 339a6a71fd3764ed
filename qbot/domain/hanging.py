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
_YET = ": no answer yet."


class _Hanging:
    """Of the calls that hang side by side the one that does longest is told of."""

    def __init__(self, told: Hangs) -> None:
        self._told = told
        self._calls: dict[object, tuple[str, datetime]] = {}  # the longest first

    def begins(self, call: object, what: str, began: datetime) -> None:
        self._calls[call] = f"{what}{_YET}", began
        if len(self._calls) == 1:
            self._tell()

    def ends(self, call: object, *, answered: bool) -> None:
        """A failure is told of by whoever is hit by it."""
        longest = next(iter(self._calls), None)
        self._calls.pop(call, None)
        if longest is call and (answered or self._calls):
            self._tell()

    def _tell(self) -> None:
        self._told(*next(iter(self._calls.values()), ("", None)))


def given_up(said: str) -> str:
    """What was told of a call that hung, once nobody waits for it any more."""
    what = said.removesuffix(_YET)
    return said if what == said else f"{what}, and did not answer."


_HANGING: ContextVar[_Hanging | None] = ContextVar("hanging", default=None)


@contextmanager
def hearing(told: Hangs) -> Iterator[None]:
    """Tell this one of the calls within, also where they run side by side."""
    token = _HANGING.set(_Hanging(told))
    try:
        yield
    finally:
        _HANGING.reset(token)


@contextmanager
def awaited(what: str, began: datetime, *, after: float = LONG) -> Iterator[None]:
    """Around one call, within a task: it is told of `after` so many seconds."""
    hanging = _HANGING.get()
    if hanging is None:
        yield
        return
    call, answered = object(), False
    timer = asyncio.get_running_loop().call_later(after, hanging.begins, call, what, began)
    try:
        yield
        answered = True
    finally:
        timer.cancel()
        hanging.ends(call, answered=answered)
