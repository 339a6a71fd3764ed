"""What digests tell: read once for all channels, then what happened since each one's last."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
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
from qbot.domain.history import still_run
from qbot.domain.names import PromotionId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import Promotion, PromotionState
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
        """Promotions and rollbacks that have changed their stage.

        One that is not done may end long after its merge: then it is told where something of it
        runs.
        """
        rows, done = self.context.promotions, PromotionState.DONE
        ended = [
            *await rows.promotions(None, limit=_PROMOTIONS, states=[done]),
            *await rows.promotions(None, limit=_PROMOTIONS, states=_OTHERWISE),
        ]
        runs = _running(ended)
        found = []
        for promotion in sorted(ended, key=lambda p: p.id, reverse=True):
            merged = promotion.merged_at is not None and promotion.merged_at >= due.since
            came = promotion.state is done or merged or runs.get(promotion.id)
            at = promotion.ended_at if came else None
            if at is not None and due.since <= at < due.tick:
                row = await self.cards.card(promotion.op)
                if row is not None and isinstance(row.progress, StageProgress):
                    found.append(row.progress)
        return found


def _running(ended: Sequence[Promotion]) -> Mapping[PromotionId, Sequence[ServiceName]]:
    """What each has brought to its stage that none of the others has replaced."""
    stages: defaultdict[StageName, list[Promotion]] = defaultdict(list)
    for promotion in ended:
        stages[promotion.stage].append(promotion)
    return {number: left for of in stages.values() for number, left in still_run(of).items()}
