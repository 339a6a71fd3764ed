"""What the digests of channels say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from qbot.cards.charts import Charts
from qbot.domain.digest import Digest, DigestPlan, DueDigest, Facts
from qbot.domain.ports import Clock
from qbot.render.blocks import Message
from qbot.render.digest import digest
from qbot.render.style import Style

_FRESH = 3.0  # seconds for which what was read counts: for the channels of one moment


class Gathers(Protocol):
    """The part of `Gatherer` that is needed here; see there."""

    async def facts(self) -> Facts:
        """As it is now."""

    async def digest(self, plan: DigestPlan, due: DueDigest, facts: Facts) -> Digest:
        """One channel's."""


@dataclass(kw_only=True)
class ChannelWriter:
    """Implements `Writer`; `charts` is None where none can be drawn."""

    told: Mapping[str, DigestPlan]  # by channel
    gatherer: Gathers
    charts: Charts | None
    clock: Clock
    style: Style
    _facts: tuple[float, Facts] | None = None  # and when it was read, by the monotonic clock

    async def plans(self) -> Mapping[str, DigestPlan]:
        """As qbot.yaml has them."""
        return self.told

    async def write(self, plan: DigestPlan, due: DueDigest) -> Message | None:
        """A chart alone is no news."""
        of = await self.gatherer.digest(plan, due, await self._gathered(due.tick))
        if plan.chart and self.charts and not of.quiet:
            of = replace(of, picture=await self.charts.picture(plan.zone))
        return digest(of, self.style)

    def unready(self, plan: DigestPlan) -> None:
        """The chart knows how often that was."""
        if self.charts:
            self.charts.unready(plan.zone)

    async def _gathered(self, tick: datetime) -> Facts:
        """Not from before its time, nor from before it waited for its turn behind warnings."""
        now, kept = self.clock.monotonic(), self._facts
        if kept is None or now - kept[0] > _FRESH or kept[1].at < tick:
            kept = self._facts = now, await self.gatherer.facts()
        return kept[1]
