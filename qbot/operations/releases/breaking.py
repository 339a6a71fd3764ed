"""Handlers of promotions: one that breaks off leaves promotion and card in a true state."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from qbot.domain.changes import Audited, CardChanged, Change
from qbot.domain.closing import closed
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState, promotion_name
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PromotionMoved
from qbot.operations.guard import guarded
from qbot.operations.handler import Handler, Outcome
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.run import Run

Body = Callable[[Run, ReleaseContext], Awaitable[Outcome]]


def handler(body: Body, context: ReleaseContext) -> Handler:
    """The body with its guard."""

    async def ending(run: Run, end: End, why: str) -> Outcome:
        return _broken(run, context, end, why or "Cancelled.")

    base = context.base
    return guarded(lambda run: body(run, context), base.answers, base.clock, ending)


def _broken(run: Run, context: ReleaseContext, end: End, why: str) -> Outcome:
    """A merge request that is there stays there, so whatever ended it can be tried again."""
    kind, shown = run.operation.kind, run.progress or run.operation.progress
    if not isinstance(shown, StageProgress) or shown.promotion is None:
        return Outcome(end, why, [Audited(f"operation.{kind}", end.value, (("why", why),))])
    at = context.base.clock.now()
    untouched = end is End.CANCELLED and not shown.merge_request
    state = PromotionState.CANCELLED if untouched else PromotionState.FAILED
    facts = (("why", why), ("promotion", promotion_name(shown.promotion)))
    changes: list[Change] = [
        Audited(f"operation.{kind}", end.value, facts),
        PromotionMoved(shown.promotion, state, reason=why),
        CardChanged(replace(closed(shown, end, why, at), state=state, needed=None)),
    ]
    return Outcome(end, why, changes)
