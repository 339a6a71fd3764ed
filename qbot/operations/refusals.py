"""How often the end of an operation was refused, as somebody else had ended its promotion."""

from qbot.domain.names import OpId

_WAITS = (0.0, 1.0, 5.0)  # seconds before each go that finds out what is so now


class Refusals:
    """One for an engine: whoever finds it out never is not carried again and again."""

    def __init__(self) -> None:
        self._counts: dict[OpId, int] = {}

    def wait(self, op: OpId) -> float | None:
        """Seconds until it starts anew; None: it was tried often enough."""
        count = self._counts[op] = self._counts.get(op, 0) + 1
        return _WAITS[count - 1] if count <= len(_WAITS) else None

    def over(self, op: OpId) -> None:
        """It has ended."""
        self._counts.pop(op, None)
