"""Who comes next, where only so many may at a time."""

from collections.abc import Iterator, Sequence

from qbot.domain.names import EnvId
from qbot.domain.reaping import Goes

_TRIES = 3  # for each that may go: those that fail do not keep the others waiting for ever


class Line:
    """Whoever failed in the last ticks comes last, the one that waits longest first."""

    def __init__(self) -> None:
        self._failed: dict[EnvId, int] = {}
        self._number = 0

    def next(self, free: Sequence[tuple[Goes, bool]], many: int) -> Iterator[tuple[Goes, bool]]:
        """Those that are tried in this tick, until so many went; whoever tries says which did."""
        there = {goes.env for goes, _ in free}
        self._failed = {env: n for env, n in self._failed.items() if env in there}
        line = sorted(free, key=lambda one: self._failed.get(one[0].env, 0))
        gone = 0
        for one in line[: many * _TRIES]:
            yield one
            gone += one[0].env not in self._failed
            if gone == many:
                return

    def tried(self, env: EnvId, *, gone: bool) -> None:
        """What became of it."""
        self._failed.pop(env, None)
        if not gone:
            self._number += 1
            self._failed[env] = self._number
