"""How often the end of an operation was refused, as somebody else had ended its promotion."""

from datetime import timedelta

from qbot.domain.names import OpId

_WAITS = (0.0, 1.0, 5.0)  # seconds before each go that finds out what is so now
_COUNTS = timedelta(days=1).total_seconds()
"""For how long after its last refusal: another worker may have ended it since. Not less for who
only waits for people or a lock, which ends nothing: it would be carried again and again."""


class Refusals:
    """One for an engine: whoever finds it out never is not carried again and again."""

    def __init__(self) -> None:
        self._counts: dict[OpId, tuple[int, float]] = {}  # and when it was last refused

    def wait(self, op: OpId, now: float) -> float | None:
        """Seconds until it starts anew; None: it was tried often enough."""
        self._counts = {o: c for o, c in self._counts.items() if now - c[1] < _COUNTS}
        count = self._counts.get(op, (0, now))[0] + 1
        self._counts[op] = count, now
        return _WAITS[count - 1] if count <= len(_WAITS) else None

    def over(self, op: OpId) -> None:
        """It has ended."""
        self._counts.pop(op, None)
