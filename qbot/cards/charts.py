"""The chart of a digest: drawn and given to Slack once for all channels of a time zone.

Slack shows it to nobody before a digest does, so that one that was uploaded twice, by a replica
that died in between, is seen once: the digest is posted once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from qbot.cards.budget import UPLOAD
from qbot.cards.rank import Rank
from qbot.domain.digest import Picture
from qbot.domain.ports import Clock
from qbot.domain.trend import Past, Trend, begins, trend
from qbot.errors import PermanentError, QbotError, TransientError
from qbot.gateways.slack import AccessError
from qbot.render.trend import NAME, TITLE, described

log = structlog.get_logger()
_FRESH = 600.0  # seconds for which one counts
_SETTLE = 3.0  # seconds that Slack mostly needs until it shows a file
_TRIES = 8  # to upload or to show it; then it is left out


class Figures(Protocol):
    """The part of `DigestRows` that is needed here; see there."""

    async def past(self, since: datetime) -> Past:
        """All that lived or was deployed since then."""


class Uploader(Protocol):
    """The part of the Slack gateway that is needed here; see there."""

    async def upload(self, name: str, body: bytes, *, title: str, alt: str) -> str:
        """Its id."""


class Budget(Protocol):
    """The part of the dispatcher that is needed here."""

    async def beside(self, method: str, rank: Rank, call: Callable[[], Awaitable[None]]) -> float:
        """Make one call; 0, or the seconds until it may be made."""


@dataclass(slots=True)
class _Made:
    """One drawing, and what became of it."""

    at: float
    trend: Trend
    body: bytes = b""  # empty: it could not be drawn, or nobody can see it
    picture: Picture | None = None
    shown_from: float = 0.0
    refused: int = 0


@dataclass(kw_only=True)
class Charts:
    """Those of the last minutes."""

    rows: Figures
    draw: Callable[[Trend], Awaitable[bytes]]
    slack: Uploader
    budget: Budget
    clock: Clock
    _made: dict[str, _Made] = field(default_factory=dict)  # by zone
    _told: bool = False

    async def picture(self, zone: ZoneInfo) -> Picture | None:
        """For the digests of a zone; None: there is none, and they go without it.

        Raises:
            TransientError: in a moment.
        """
        made, now = self._made.get(zone.key), self.clock.monotonic()
        if made is None or now - made.at > _FRESH:
            made = self._made[zone.key] = await self._drawn(zone)
        if made.body and made.picture is None:
            await self._upload(made)
        if made.body and self.clock.monotonic() < made.shown_from:
            raise TransientError("Slack works on the chart")
        return made.picture

    def unready(self, zone: ZoneInfo) -> None:
        """Slack does not show it yet; at some time it is given up."""
        if (made := self._made.get(zone.key)) is not None:
            self._failed(made, PermanentError("Slack does not show it"))

    async def _drawn(self, zone: ZoneInfo) -> _Made:
        now = self.clock.now()
        found = trend(await self.rows.past(begins(now, zone)[0]), now, zone)
        made = _Made(self.clock.monotonic(), found)
        if not found.empty:
            try:
                made.body = await self.draw(found)
            except PermanentError as error:
                self._give_up(made, error)
        return made

    async def _upload(self, made: _Made) -> None:
        try:
            wait = await self.budget.beside(UPLOAD, Rank.DIGEST, partial(self._send, made))
        except PermanentError as error:
            self._give_up(made, error)
            return
        except TransientError as error:
            self._failed(made, error)
            raise
        if wait:
            raise TransientError("the chart waits for Slack", retry_after=wait)

    async def _send(self, made: _Made) -> None:
        alt = described(made.trend)
        try:
            file = await self.slack.upload(NAME, made.body, title=TITLE, alt=alt)
        except AccessError as error:
            if not error.scope:
                raise
            self._give_up(made, error)  # cards need no such scope
            return
        made.picture = Picture(file, made.trend)
        made.shown_from = self.clock.monotonic() + _SETTLE

    def _failed(self, made: _Made, error: QbotError) -> None:
        """A digest that is late for its chart is worse than one without it."""
        made.refused += 1
        if made.refused >= _TRIES:
            self._give_up(made, error)

    def _give_up(self, made: _Made, error: QbotError) -> None:
        made.body, made.picture = b"", None
        tell = log.info if self._told else log.warning
        tell("digests come without their chart", reason=str(error))
        self._told = True
