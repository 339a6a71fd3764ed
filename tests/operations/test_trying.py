"""What is said of a neighbour that does not answer: as often as it was asked, and no more often."""

from datetime import timedelta
from typing import Any

from qbot.domain.names import OpId
from qbot.errors import AwayError, TransientError
from qbot.operations.retry import Backoff
from qbot.operations.troubles import Troubles
from qbot.operations.trying import Footing, Trying
from tests.clocks import START, HandClock


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
