"""A worker's right to act on what it has claimed; it lapses by itself unless it is renewed."""

from collections.abc import Callable
from time import monotonic

from qbot.domain.ports import Fenced

_SURE = 0.8  # the share of the lease during which nobody else can have taken over


class Lease:
    """One for all that acts in a process: the engine renews it, gateways check before they write.

    May be asked from any thread. Its first term begins with the first renewal.

    Args:
        seconds: after which others may take the work of a silent worker.
        time: seconds that go on while the process is stopped (SIGSTOP, a frozen machine).
    """

    def __init__(self, seconds: float, *, time: Callable[[], float] = monotonic) -> None:
        self.seconds = seconds
        self._time = time
        self._until = float("-inf")
        self._term = 0

    def now(self) -> float:
        """By the lease's own clock: taken before a renewal is asked for."""
        return self._time()

    def renew(self, began: float) -> None:
        """The database has renewed it; that was asked for at `began`."""
        if not self.held():
            self._term += 1
        self._until = began + self.seconds * _SURE

    def held(self) -> bool:
        """Whether it is surely this worker's own still."""
        return self._time() < self._until

    @property
    def term(self) -> int:
        """Grows whenever the lease is taken anew after it lapsed; what began before is void."""
        return self._term

    def check(self, term: int) -> None:
        """For what began in this term, right before it changes something outside.

        Raises:
            Fenced: the lease has lapsed since, so another worker may be at it already.
        """
        if term != self._term or not self.held():
            raise Fenced
