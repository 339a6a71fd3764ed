"""The dispatcher's lease: one writer to Slack at a time, however many replicas run."""

from qbot.domain.card_ports import Leadership
from qbot.domain.ports import Clock

SECONDS = 15.0
_RENEW = 4.0


class Lease:
    """Valid only while this process can be sure of it, also after it was frozen."""

    def __init__(self, cards: Leadership, clock: Clock, worker: str) -> None:
        self._cards = cards
        self._clock = clock
        self._worker = worker
        self._until = 0.0
        self._renew_at = 0.0

    def covers(self, seconds: float) -> bool:
        """Whether it is certain to last so long.

        A call is begun only if the lease outlives it: whoever leads next then finds whatever
        this process has posted.
        """
        return self._clock.monotonic() + seconds < self._until

    async def hold(self) -> bool:
        """Take or renew it where that is due."""
        now = self._clock.monotonic()
        if now < min(self._renew_at, self._until):
            return True
        # Counted from before the question: the database's clock starts later than ours.
        held = await self._cards.lead(self._worker, SECONDS)
        self._until = now + SECONDS if held else 0.0
        self._renew_at = now + _RENEW
        return held and self.covers(0.0)

    async def release(self) -> None:
        """Let another replica go on at once."""
        if self.covers(0.0):
            self._until = 0.0
            await self._cards.lead(self._worker, 0.0)
