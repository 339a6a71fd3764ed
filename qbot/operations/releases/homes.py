"""What App Homes show: read once for everybody, then told apart for each person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from qbot.domain.approvals import Person, may_approve
from qbot.domain.card_ports import CardLookup
from qbot.domain.home import Home
from qbot.domain.operation import EnvironmentSummary
from qbot.domain.outages import Away
from qbot.domain.people import Actor
from qbot.domain.policy import Allowed
from qbot.domain.promotion import Approval, PromotionState
from qbot.domain.reaper_ports import Alert, Question, Warned, Warnings
from qbot.domain.release import StageProgress
from qbot.errors import TransientError
from qbot.operations.failing import failing_anywhere
from qbot.operations.locking import with_locks
from qbot.operations.opening import with_doors
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.known import Known

_MOST = 50  # open promotions; more are not looked at


@dataclass(frozen=True, slots=True)
class Waiting:
    """A promotion that waits for somebody's yes, with what was said of it."""

    known: Known
    said: Sequence[Approval]
    progress: StageProgress


@dataclass(frozen=True, slots=True)
class Everything:
    """The same for everybody who looks."""

    rows: Sequence[EnvironmentSummary]
    waiting: Sequence[Waiting]
    as_of: datetime
    known: bool
    warned: Sequence[Warned] = ()
    away: Sequence[Away] = ()
    unanswered: Sequence[Question | Alert] = ()


@dataclass(frozen=True, slots=True)
class Lookout:
    """Reads; changes nothing."""

    context: ReleaseContext
    cards: CardLookup
    warnings: Warnings

    async def everything(self) -> Everything:
        """As it is now.

        Raises:
            TransientError: the database is away.
        """
        base = self.context.base
        as_of = base.clock.now()
        rows = await base.store.environments()
        counts = await failing_anywhere(base)
        failing = counts or {}
        told = [replace(r, failing=failing.get(r.environment.id, 0)) for r in rows]
        rows = await with_doors(base.store, base.rules, await with_locks(base.locks, told))
        return Everything(
            rows,
            await self._waiting(),
            as_of,
            known=counts is not None,
            warned=await self.warnings.open(),
            away=base.outages.now(),
            unanswered=await self.warnings.unanswered(),
        )

    async def home(self, actor: Actor, everything: Everything) -> Home:
        """What one person sees of it."""
        return Home(
            actor,
            everything.rows,
            everything.as_of,
            known=everything.known,
            waiting=await self._for(actor, everything),
            warned=[w for w in everything.warned if w.owner == actor],
            away=everything.away,
        )

    async def _waiting(self) -> Sequence[Waiting]:
        promotions, found = self.context.promotions, []
        asked = await promotions.promotions(None, limit=_MOST, states=[PromotionState.OPEN])
        for promotion in asked:
            stage = self.context.stages.get(promotion.stage)
            row = await self.cards.card(promotion.op)
            if stage is None or row is None or not isinstance(row.progress, StageProgress):
                continue
            if not _lacks_a_yes(row.progress):
                continue  # it is agreed to, and may wait for its turn beyond its time
            said = await promotions.approvals(promotion.id)
            found.append(Waiting(Known(promotion, stage), said, row.progress))
        return found

    async def _for(self, actor: Actor, everything: Everything) -> Sequence[StageProgress] | None:
        """Those that a yes of this person would bring on, the oldest first."""
        if not everything.waiting:
            return ()
        try:
            person = await self.context.people.person(actor)
        except TransientError:
            return None
        return [
            waiting.progress
            for waiting in reversed(everything.waiting)
            if _counts(waiting, person, everything.as_of)
        ]


def _lacks_a_yes(progress: StageProgress) -> bool:
    needed = progress.needed
    return needed is None or bool(needed.missing or needed.teams)


def _counts(waiting: Waiting, person: Person, now: datetime) -> bool:
    """Whether this person's yes would be one; pressing it is judged anew."""
    known = waiting.known
    decision = may_approve(known.promotion, known.rule, person, waiting.said, now=now)
    return isinstance(decision, Allowed)
