"""What Slack refuses Qbot as a whole: a token that was rotated or revoked, a missing scope.

No message is at fault, so none is given up: what it should show stays wanted, and now and then
one call tries whether somebody has mended it.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from qbot.cards.ports import Messenger
from qbot.domain.ports import Clock
from qbot.errors import PermanentError
from qbot.gateways.slack import CALL_SECONDS, AccessError

log = structlog.get_logger()
AGAIN = 60.0  # seconds between two tries of what is refused
_EVERY = ""  # stands for all methods: the token itself


@dataclass(frozen=True, slots=True)
class _Closure:
    until: float
    scope: str  # that is missing; empty: the token itself


@dataclass(slots=True)
class Access:
    """Which methods are closed, and until when, in monotonic seconds."""

    slack: Messenger
    clock: Clock
    _closed: dict[str, _Closure] = field(default_factory=dict)  # by method
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _answer: tuple[float, bool] = (float("-inf"), True)  # when Slack said whether it is in order

    def wait(self, method: str) -> float:
        """Seconds until the method may be tried again; 0 = now."""
        now = self.clock.monotonic()
        return max([0.0, *(c.until - now for c in self._of(method).values())])

    def tried(self, method: str) -> None:
        """A call of the method begins; the others wait for it where it was closed till now."""
        until = self.clock.monotonic() + CALL_SECONDS
        for key, closure in self._of(method).items():
            self._closed[key] = _Closure(until, closure.scope)

    async def refused(self, method: str, error: AccessError) -> bool:
        """Close the method that needs the scope, or all of them; told once until it is mended.

        Returns:
            False: the token is in order, so one call was refused and nothing is closed.

        Raises:
            TransientError: Slack does not say whether the token is in order.
        """
        if not error.scope and await self._in_order():
            return False
        told = any(c.scope == error.scope for c in self._closed.values())
        until = self.clock.monotonic() + AGAIN
        self._closed[method if error.scope else _EVERY] = _Closure(until, error.scope)
        if not told:
            log.error(
                "slack refuses cards; they wait",
                reason=str(error),
                setting="QBOT_SLACK__BOT_TOKEN",
                next_step=_next_step(error.scope),
            )
        return True

    def worked(self, method: str) -> None:
        """Slack took the method, so nothing of it is closed any more."""
        opened = [self._closed.pop(key) for key in self._of(method)]
        if opened:
            log.info("slack takes cards again", method=method)

    async def _in_order(self) -> bool:
        """Ask Slack about the token; calls that were refused at one moment ask once."""
        since = self.clock.monotonic()
        async with self._asking:
            if self._answer[0] < since:
                try:
                    await self.slack.identity()
                except PermanentError:
                    self._answer = (self.clock.monotonic(), False)
                else:
                    self._answer = (self.clock.monotonic(), True)
            return self._answer[1]

    def _of(self, method: str) -> dict[str, _Closure]:
        return {k: self._closed[k] for k in (_EVERY, method) if k in self._closed}


def _next_step(scope: str) -> str:
    if scope:
        return f"add the scope {scope} to the Slack app and install it anew"
    return "put the app's present bot token there and restart Qbot"
