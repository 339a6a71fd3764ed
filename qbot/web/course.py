"""How far the start has come, and whether the end has begun: for `/readyz` and the log."""

from collections.abc import Sequence

import structlog

log = structlog.get_logger()


class Course:
    """From the first step to the stop; a check of readiness by the name `start`."""

    def __init__(self, steps: Sequence[str]) -> None:
        """Nothing has begun; `steps` is their order."""
        self._steps = tuple(steps)
        self._at = 0
        self._stopping = False
        self._waits = ""

    def begins(self, step: str) -> None:
        """Everything before this step is done.

        Raises:
            ValueError: it is not the next one.
        """
        at = self._steps.index(step) + 1
        if at != self._at + 1:
            raise ValueError(step)
        self._at, self._waits = at, ""
        log.info("starting", step=step, number=at, of=len(self._steps))

    def waits(self, why: str) -> None:
        """What holds this step up; empty: nothing any more."""
        self._waits = why

    def served(self) -> None:
        """All steps are done."""
        self._at = len(self._steps) + 1
        log.info("started")

    def stop(self) -> None:
        """Whoever sends requests shall send them elsewhere."""
        self._stopping = True

    async def check(self) -> str:
        """Empty: it is served."""
        if self._stopping:
            return "stopping"
        if self._at > len(self._steps):
            return ""
        step = self._steps[max(self._at - 1, 0)]
        told = f"starting: {step} ({self._at} of {len(self._steps)})"
        return f"{told}: {self._waits}" if self._waits else told
