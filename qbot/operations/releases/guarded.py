"""Around the handlers of stages: whatever goes wrong, promotion and card end in a true state."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from qbot.domain.changes import Audited, CardChanged, Change
from qbot.domain.inputs import is_dry
from qbot.domain.ports import Fenced
from qbot.domain.progress import End, Step
from qbot.domain.promotion import PromotionState, promotion_name
from qbot.domain.release import StageProgress
from qbot.domain.release_changes import PromotionMoved
from qbot.errors import PermanentError, UserError
from qbot.operations.handler import Cancelled, Handler, Outcome
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.run import Run
from qbot.operations.telling import told

log = structlog.get_logger()

Body = Callable[[Run, ReleaseContext], Awaitable[Outcome]]


def guarded(body: Body, context: ReleaseContext) -> Handler:
    """The handler that the engine runs."""

    async def handler(run: Run) -> Outcome:
        op = run.operation.id
        try:
            return await body(run, context)
        except Fenced:
            raise
        except Cancelled:
            return _ended(run, context, End.CANCELLED, "Cancelled.")
        except (PermanentError, UserError) as error:
            log.warning("operation failed", op=op, error=str(error))
            await _tell(run, context, error)
            hint = error.hint if isinstance(error, UserError) else ""
            return _ended(run, context, End.FAILED, f"{error} {hint}".strip())
        except Exception as error:
            log.exception("operation crashed", op=op)
            await _tell(run, context, error)
            why = f"Something went wrong inside Qbot (reference {op})."
            return _ended(run, context, End.FAILED, why)

    return handler


async def _tell(run: Run, context: ReleaseContext, error: Exception) -> None:
    """A dry run has no card that could say it."""
    if is_dry(run.operation.input):
        await told(run, context.base.answers, error, step="told-failure")


def _ended(run: Run, context: ReleaseContext, end: End, why: str) -> Outcome:
    """A merge request that is there stays there, so whatever ended it can be tried again."""
    kind, shown = run.operation.kind, run.progress or run.operation.progress
    if not isinstance(shown, StageProgress) or shown.promotion is None:
        return Outcome(end, why, [Audited(f"operation.{kind}", end.value, (("why", why),))])
    untouched = end is End.CANCELLED and not shown.merge_request
    state = PromotionState.CANCELLED if untouched else PromotionState.FAILED
    facts = (("why", why), ("promotion", promotion_name(shown.promotion)))
    changes: list[Change] = [
        Audited(f"operation.{kind}", end.value, facts),
        PromotionMoved(shown.promotion, state, reason=why),
        CardChanged(_last(shown, end, state, why, context)),
    ]
    return Outcome(end, why, changes)


def _last(
    shown: StageProgress, end: End, state: PromotionState, why: str, context: ReleaseContext
) -> StageProgress:
    at = context.base.clock.now()
    return replace(
        shown,
        step=Step.ENDED,
        end=end,
        ended_at=at,
        updated_at=at,
        state=state,
        headline=why,
        trouble="",
        trouble_since=None,
        needed=None,
    )
