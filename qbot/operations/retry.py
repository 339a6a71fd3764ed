"""How long to wait before trying again. Pure."""

from dataclasses import dataclass

from qbot.errors import TransientError


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling waits, in seconds; jitter keeps those that fail together from returning together."""

    first: float = 0.5
    most: float = 15.0

    def delay(self, tries: int, error: TransientError, jitter: float) -> float:
        """The wait after so many earlier failures; `jitter` is 0 to 1; what was asked is kept."""
        wait = min(self.most, self.first * 2.0 ** min(tries, 30)) * (0.5 + jitter / 2)
        return max(wait, error.retry_after or 0.0)


def within_time(delay: float, left: float | None, error: TransientError) -> float | None:
    """The wait cut to the time that is left, for one last try; None = give up."""
    if left is None:
        return delay
    if left <= 0 or (error.retry_after or 0.0) > left:
        return None
    return min(delay, left)
