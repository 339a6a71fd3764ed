"""From the outcome of each call to whether a neighbour is there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from qbot.domain.meters import Called, uncounted
from qbot.domain.outages import Presence
from qbot.domain.ports import Clock
from qbot.errors import QbotError, TransientError

log = structlog.get_logger()
# What stands before it answers in its place; with 500 it has at least looked.
_IN_ITS_PLACE = frozenset({502, 503, 504})
_EVERY = 5.0  # seconds between two knocks
_WATCH = 1.0  # seconds until the first: what fails alone closes the way to a neighbour no longer


@dataclass(frozen=True, slots=True)
class Hearing:
    """Of one neighbour; `then` is told of the calls as well."""

    presence: Presence
    clock: Clock
    then: Called = uncounted

    def called(self, vendor: str, status: int | None, seconds: float) -> None:
        """One call; from any thread."""
        self.then(vendor, status, seconds)
        if status is None or status in _IN_ITS_PLACE:
            self._missed(seconds)
        else:
            self.presence.answered(self.clock.now())

    def told(self, error: TransientError | None, seconds: float) -> None:
        """One transaction of the database; without an error it was answered."""
        if error is None:
            self.presence.answered(self.clock.now())
        else:
            self._missed(seconds)

    def _missed(self, seconds: float) -> None:
        at = self.clock.now()
        self.presence.missed(at - timedelta(seconds=seconds), at)


async def knock(
    presence: Presence,
    ask: Callable[[], Awaitable[object]],
    clock: Clock,
    jitter: Callable[[], float],
) -> None:
    """Ask a neighbour now and then while it is away, for ever: nobody else asks it meanwhile.

    Args:
        presence: is told by the call itself.
        ask: something cheap that is asked even of one that is away.
        clock: for the pauses.
        jitter: numbers between 0 and 1, so that replicas do not knock together.
    """
    gone = False
    while True:
        await clock.sleep((_EVERY if gone else _WATCH) * (0.75 + jitter() / 2))
        away = presence.away()
        if away is not None and not gone:
            log.warning("a neighbour is away", neighbour=away.name, since=away.since.isoformat())
        elif gone and away is None:
            log.info("a neighbour is back", neighbour=presence.name)
        gone = away is not None
        if gone:
            await _knocked(presence, ask)


async def _knocked(presence: Presence, ask: Callable[[], Awaitable[object]]) -> None:
    """Whatever comes of it: who does not knock again keeps the way to a neighbour closed."""
    try:
        await ask()
    except QbotError:
        return
    except Exception:
        log.exception("a knock failed", neighbour=presence.name)
