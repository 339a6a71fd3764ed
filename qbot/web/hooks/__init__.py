"""In: webhooks of GitLab and notifications of Argo CD. Each is a reason to look, never the truth.

What proves the sender is checked before anything is decoded; what it says is written down before
it is answered. GitLab never sends again what failed: sweeps find what was lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from aiohttp import web

_AGAIN = timedelta(minutes=1)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hooks:
    """The routes, and whether any of them is set up: else they only say that they are not."""

    routes: Sequence[web.RouteDef]
    wanted: bool


@dataclass(slots=True)
class Complaints:
    """Says why webhooks are not taken, each reason once a minute: anybody can send them."""

    source: str
    now: Callable[[], datetime]
    _said: dict[str, datetime] = field(default_factory=dict)

    def say(self, reason: str) -> None:
        """Into the log."""
        now = self.now()
        last = self._said.get(reason)
        if last is None or not last <= now < last + _AGAIN:
            self._said[reason] = now
            log.warning("a webhook was not taken", source=self.source, reason=reason)
