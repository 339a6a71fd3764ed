"""What is said of a neighbour that does not answer: as often as it was asked, and no more often."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from qbot.domain.hanging import awaited
from qbot.domain.names import OpId
from qbot.domain.progress import Tries
from qbot.errors import AwayError, TransientError
from qbot.operations.retry import Backoff
from qbot.operations.troubles import Troubles
from qbot.operations.trying import Footing, Trying
from tests.clocks import START, HandClock

_WORDS = 3  # until it answers


async def test_what_was_not_even_asked_was_not_tried() -> None:
    clock, counts = HandClock(), list[int]()
    unasked = AwayError("Argo CD", START - timedelta(minutes=9))
    errors: list[Exception] = [TransientError("503"), unasked, unasked, TransientError("504")]

    def told(message: str, *, tried: int = 0, **_: Any) -> None:
        if message:
            counts.append(tried)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    async def do() -> str:
        if errors:
            raise errors.pop(0)
        return "ok"

    trying = Trying(
        OpId("op1"),
        Footing(clock=clock, jitter=lambda: 1.0, held=lambda: True, settle=0.0),
        resumed=False,
        sleep=sleep,
        troubles=Troubles(),
        told=told,
    )
    assert await trying.through("one", do, None, None, Backoff()) == "ok"
    assert counts == [1, 0, 0, 2]


async def test_a_call_that_hangs_is_told_of_before_it_is_given_up_and_since_it_was_begun() -> None:
    clock, said = HandClock(), list[tuple[str, object]]()
    troubles, heard = Troubles(), asyncio.Event()

    def told(message: str, *, source: str = "", since: datetime | None = None, **_: Any) -> None:
        troubles.tell(source, message, Tries(clock.now()), since=since)
        said.append((message, since))
        heard.set()

    async def do() -> str:
        with awaited("POST /x", clock.now(), after=0.0):
            await heard.wait()
            clock.advance(30)
        if len(said) < _WORDS:
            raise TransientError("POST /x: timed out", since=START)
        return "ok"

    async def sleep(seconds: float) -> None:
        heard.clear()

    trying = Trying(
        OpId("op1"),
        Footing(clock=clock, jitter=lambda: 1.0, held=lambda: True, settle=0.0),
        resumed=False,
        sleep=sleep,
        troubles=troubles,
        told=told,
    )
    assert await trying.through("one", do, None, None, Backoff()) == "ok"
    assert said[0] == ("POST /x: no answer yet.", START)
    assert ("POST /x: timed out", START) in said
    assert troubles.message == ""
