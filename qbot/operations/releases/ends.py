"""How operations on stages end: promotion, card and audit row together."""

from collections.abc import Sequence

from qbot.domain.changes import CardChanged, CardWithdrawn, Change
from qbot.domain.progress import End
from qbot.domain.promotion import Promotion, PromotionState, branch_of, standing_word
from qbot.domain.release_changes import ApprovalsVoided, PromotionMoved
from qbot.domain.repository_ports import MergeRequest
from qbot.errors import PermanentError, QbotError, TransientError, UserError
from qbot.operations.handler import Outcome
from qbot.operations.releases.case import Case
from qbot.operations.telling import told

UNKNOWN = 3600.0  # seconds that an answer of GitLab is waited for


def ended(
    case: Case,
    end: End,
    state: PromotionState,
    headline: str,
    *,
    merged: MergeRequest | None = None,
    extra: Sequence[Change] = (),
) -> Outcome:
    """The end of it, in one commit; `merged`: what is merged, and not written down yet."""
    case.tracker.show(state=state)
    progress = case.tracker.ended(end, headline)
    sha, at = (merged.merge_sha or merged.sha, merged.merged_at) if merged else ("", None)
    word = standing_word(
        state,
        merged=bool(sha or case.promotion.merge_sha),
        replaced=case.promotion.superseded_by is not None,
    )
    changes: list[Change] = [
        PromotionMoved(case.promotion.id, _moved(case.promotion, state), sha, headline, at),
        case.audited(word, end.value, headline=headline),
        CardChanged(progress),
        *extra,
    ]
    return Outcome(end, headline, changes)


def _moved(mine: Promotion, state: PromotionState) -> PromotionState:
    """What ended before its merge stays as it is, also where its operation fails to clear up."""
    over = mine.superseded_by is not None and not mine.state.open and not mine.merge_sha
    return mine.state if over else state


async def refused(case: Case, error: UserError) -> Outcome:
    """Nothing was made: the person is told why, and nobody else."""
    await told(case.run, case.context.base.answers, error)
    why = f"{error} {error.hint}".strip()
    return ended(case, End.REFUSED, PromotionState.REFUSED, why, extra=(CardWithdrawn(),))


async def shut(case: Case) -> None:
    """Have its merge request closed, once: what is not merged by then never is.

    Raises:
        UserError: GitLab does not come to an end with it.
    """
    if case.run.has("close"):
        return
    ref, repository = case.promotion.merge_request, case.context.repository
    branch, project = branch_of(case.promotion.id), case.stage.config.project

    async def close() -> list[object]:
        if ref is not None:
            await repository.close_merge_request(ref.project, ref.iid)
            return []
        # Made all the same, where the answer was lost or a rollback came before the record.
        found = await repository.close_branch(project, branch)
        return [found.url, found.iid] if found else []

    with case.run.ignoring_cancel():
        try:
            found = await case.run.step("close", close, within=UNKNOWN)
        except (TransientError, PermanentError) as error:
            case.tracker.show(unclosed=True)
            raise UserError(
                f"The merge request of {case.promotion.name} could not be closed: {error}",
                hint="Withdraw tries it again.",
            ) from None
    if found:
        case.tracker.show(merge_request=found[0], merge_request_iid=found[1])


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
