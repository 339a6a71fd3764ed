"""What digests tell: read once for all channels, then what happened since each one's last."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace

from qbot.domain.barriers import span_of
from qbot.domain.card_ports import CardLookup
from qbot.domain.digest import (
    Closed,
    Digest,
    DigestPlan,
    DigestRows,
    DueDigest,
    Facts,
)
from qbot.domain.people import Actor
from qbot.domain.promotion import PromotionState
from qbot.domain.release import StageProgress
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.drifted import drifted
from qbot.operations.releases.homes import Lookout

Names = Callable[[Collection[Actor]], Awaitable[Mapping[Actor, str]]]
_PROMOTIONS = 30  # the newest that are looked at, of those that are done and of all others
_OTHERWISE = (PromotionState.FAILED, PromotionState.CANCELLED, PromotionState.CLOSED)
"""How what is merged may end besides: it has changed its stage all the same."""


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Reads; changes nothing. `names` answers as many as it can."""

    context: ReleaseContext
    lookout: Lookout
    cards: CardLookup
    rows: DigestRows
    names: Names

    async def facts(self) -> Facts:
        """As it is now.

        Raises:
            TransientError: the database is away.
        """
        everything = await self.lookout.everything()
        promotions, now = self.context.promotions, everything.as_of
        spans = [(w, span_of(w, now)) for w in self.context.windows]
        facts = Facts(
            at=now,
            rows=everything.rows,
            known=everything.known,
            away=everything.away,
            waiting=[w.progress for w in reversed(everything.waiting)],
            holds=await promotions.holds(),
            freezes=await promotions.freezes(),
            closed=[Closed(w.stages, w.name, span[1]) for w, span in spans if span],
            drifted=await drifted(self.context),
            speed=await self.rows.speed(now),
            unanswered=everything.unanswered,
        )
        return replace(facts, names=await self.names(facts.people()))

    async def digest(self, plan: DigestPlan, due: DueDigest, facts: Facts) -> Digest:
        """One channel's."""
        done = await self.rows.done(due.since, due.tick)
        return Digest(facts, due.since, plan.sections, await self._deployed(due), done)

    async def _deployed(self, due: DueDigest) -> list[StageProgress]:
        """Promotions and rollbacks that have changed their stage."""
        rows = self.context.promotions
        ended = [
            *await rows.promotions(None, limit=_PROMOTIONS, states=[PromotionState.DONE]),
            *await rows.promotions(None, limit=_PROMOTIONS, states=_OTHERWISE),
        ]
        found = []
        for promotion in sorted(ended, key=lambda p: p.id, reverse=True):
            came = promotion.merge_sha or promotion.state is PromotionState.DONE
            at = promotion.ended_at if came else None
            if at is not None and due.since <= at < due.tick:
                row = await self.cards.card(promotion.op)
                if row is not None and isinstance(row.progress, StageProgress):
                    found.append(row.progress)
        return found
