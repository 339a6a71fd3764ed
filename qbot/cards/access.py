"""What Slack refuses Qbot as a whole: a token that was rotated or revoked, a missing scope.

No message is at fault, so none is given up: what it should show stays wanted, and now and then
one call tries whether somebody has mended it.
"""

from dataclasses import dataclass, field

import structlog

from qbot.gateways.slack import AccessError

log = structlog.get_logger()
AGAIN = 60.0  # seconds between two tries of what is refused
_EVERY = ""  # stands for all methods: the token itself


@dataclass(frozen=True, slots=True)
class _Closure:
    until: float
    scope: str  # that is missing; empty: the token itself


@dataclass(slots=True)
class Access:
    """Which methods are closed, and until when. Times are monotonic seconds, passed in."""

    _closed: dict[str, _Closure] = field(default_factory=dict)  # by method

    def wait(self, method: str, now: float) -> float:
        """Seconds until the method may be tried again; 0 = now."""
        found = (self._closed.get(m) for m in (_EVERY, method))
        return max([0.0, *(c.until - now for c in found if c)])

    def refused(self, method: str, error: AccessError, now: float) -> None:
        """Close the method that needs the scope, or all of them; told once until it is mended."""
        told = any(c.scope == error.scope for c in self._closed.values())
        self._closed[method if error.scope else _EVERY] = _Closure(now + AGAIN, error.scope)
        if not told:
            log.error(
                "slack refuses cards; they wait",
                reason=str(error),
                setting="QBOT_SLACK__BOT_TOKEN",
                next_step=_next_step(error.scope),
            )

    def worked(self, method: str) -> None:
        """The method was taken, so nothing of it is closed any more."""
        opened = [self._closed.pop(m, None) for m in (_EVERY, method)]
        if any(opened):
            log.info("slack takes cards again", method=method)


def _next_step(scope: str) -> str:
    if scope:
        return f"add the scope {scope} to the Slack app and install it anew"
    return "put the app's present bot token there and restart Qbot"
