"""How operations on stages end: promotion, card and audit row together."""

from collections.abc import Sequence

from qbot.domain.changes import CardChanged, CardWithdrawn, Change
from qbot.domain.progress import End
from qbot.domain.promotion import PromotionState
from qbot.domain.release_changes import ApprovalsVoided, PromotionMoved
from qbot.errors import QbotError, UserError
from qbot.operations.handler import Outcome
from qbot.operations.releases.case import Case
from qbot.operations.telling import told


def ended(
    case: Case, end: End, state: PromotionState, headline: str, *, extra: Sequence[Change] = ()
) -> Outcome:
    """The end of it, in one commit."""
    case.tracker.show(state=state)
    progress = case.tracker.ended(end, headline)
    changes: list[Change] = [
        PromotionMoved(case.promotion.id, state, reason=headline),
        case.audited(state.value, end.value, headline=headline),
        CardChanged(progress),
        *extra,
    ]
    return Outcome(end, headline, changes)


async def refused(case: Case, error: UserError) -> Outcome:
    """Nothing was made: the person is told why, and nobody else."""
    await told(case.run, case.context.base.answers, error)
    why = f"{error} {error.hint}".strip()
    return ended(case, End.REFUSED, PromotionState.REFUSED, why, extra=(CardWithdrawn(),))


async def shut(case: Case) -> None:
    """Have its merge request closed, once: what is not merged by then never is."""
    if case.promotion.merge_request is None or case.run.has("close"):
        return
    ref = case.merge_request

    async def close() -> bool:
        await case.context.repository.close_merge_request(ref.project, ref.iid)
        return True

    with case.run.ignoring_cancel():
        await case.run.step("close", close)


async def closed(
    case: Case, end: End, state: PromotionState, headline: str, *, void: bool = False
) -> Outcome:
    """It will not be merged: nor shall anybody do it by hand because it still lies there.

    With `void` nothing that was said of it counts any more.
    """
    await shut(case)
    voided: list[Change] = []
    if void:
        voided = [
            ApprovalsVoided(case.promotion.id, headline),
            case.audited("voided", "done", why=headline),
        ]
    return ended(case, end, state, headline, extra=voided)


def failed(case: Case, error: QbotError) -> Outcome:
    """It stopped where Retry can go on: merge request and approvals stay as they are."""
    hint = error.hint if isinstance(error, UserError) else ""
    return ended(case, End.FAILED, PromotionState.FAILED, f"{error} {hint}".strip())
