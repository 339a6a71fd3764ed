"""`promote` and `rollback STAGE`: one operation from the request to the end.

Plan -> merge request -> people -> the stage's lock -> everything judged again -> job -> merge ->
Applications at the merge commit -> job -> recorded.
"""

from dataclasses import replace

from qbot.domain.inputs import PromoteInput, RollbackInput
from qbot.domain.progress import End
from qbot.domain.promotion import DECISION, PromotionState
from qbot.domain.release_changes import PromotionMoved
from qbot.domain.stages import Stage
from qbot.errors import PermanentError, TransientError, UserError
from qbot.operations.handler import Cancelled, Outcome
from qbot.operations.releases.bypassed import bypassed
from qbot.operations.releases.case import Case
from qbot.operations.releases.context import ReleaseContext
from qbot.operations.releases.deciding import decided, ruling
from qbot.operations.releases.draft import Planned
from qbot.operations.releases.ends import closed, ended, failed, refused
from qbot.operations.releases.jobs import ran
from qbot.operations.releases.merge_records import came_through, merged_after_all
from qbot.operations.releases.merging import Stale, merged
from qbot.operations.releases.overtaken import still_written
from qbot.operations.releases.planning import admitted, planned, preview
from qbot.operations.releases.proposing import proposed, shown
from qbot.operations.releases.recording import recorded
from qbot.operations.releases.rivalry import place_taken
from qbot.operations.releases.rollout import deployed, let_go
from qbot.operations.releases.rulings import Ruled, Ruling
from qbot.operations.releases.shouting import shouted, shouted_after_all
from qbot.operations.releases.tracker import StageTracker
from qbot.operations.releases.unseen import Unseen, gone_before, queued_behind, unseen, waited
from qbot.operations.run import Run

_STATES = {
    Ruling.REJECTED: PromotionState.REJECTED,
    Ruling.EXPIRED: PromotionState.EXPIRED,
    Ruling.CLOSED: PromotionState.CLOSED,
    Ruling.WITHDRAWN: PromotionState.CANCELLED,
}
_WITHDRAWN = Ruled(Ruling.WITHDRAWN, "Nothing was changed.")
_LEFT = "What is merged stays as it is."
_ROUNDS = 10  # of agreeing to one promotion, and of giving its stage back
_QUIET = "Press Retry when it has become quiet."


async def promote(run: Run, context: ReleaseContext) -> Outcome:
    """Carry a promotion or a rollback."""
    asked = run.operation.input
    if not isinstance(asked, PromoteInput | RollbackInput):
        raise TypeError(asked)
    stage = context.stage(asked.stage)
    if asked.dry_run:
        return await preview(run, context, stage, asked)
    case = await _opened(run, context, stage)
    if asked.abandon:
        return await _abandoned(case)
    over = await _brought_in(case, asked)
    with run.ignoring_cancel():
        outcome = over or await _rolled_out(case, again=asked.again is not None)
        await shouted_after_all(case)
        return outcome


async def _brought_in(case: Case, asked: PromoteInput | RollbackInput) -> Outcome | None:
    """Until it is merged (None), or over, whatever comes between."""
    try:
        if case.promotion.merge_request is None:
            found = await _prepared(case, asked)
            if found is not None:
                return found
        else:
            await shown(case)
        return None if case.promotion.merge_sha else await _merged(case)
    except Cancelled:
        return await _stopped(case)
    except (UserError, PermanentError) as error:
        return await _broken_off(case, error)


async def _opened(run: Run, context: ReleaseContext, stage: Stage) -> Case:
    with run.ignoring_cancel():  # what that means depends on where it is, which its row tells
        promotion = await run.call(
            "the database", lambda: context.promotions.of_operation(run.operation.id)
        )
    if promotion is None:
        raise PermanentError(f"Operation {run.operation.id} has no promotion in the database.")
    tracker = StageTracker(run, context, stage, promotion)
    tracker.show(unsure=bool(promotion.asked_sha) and not promotion.merge_sha)
    return Case(run=run, context=context, stage=stage, tracker=tracker, promotion=promotion)


async def _abandoned(case: Case) -> Outcome:
    """Nobody goes on with it; what is merged stays as it is."""
    try:
        over = None if case.promotion.merge_sha else await _over(case, _WITHDRAWN)
        return over or await closed(case, End.CANCELLED, PromotionState.CANCELLED, _LEFT)
    except (UserError, PermanentError) as error:
        return failed(case, error)


async def _prepared(case: Case, asked: PromoteInput | RollbackInput) -> Outcome | None:
    """Plan and propose; an outcome where it is refused: nothing was made then."""
    try:
        found: Planned = await planned(case, asked)
        await admitted(case, found)
    except UserError as error:
        await case.reread()  # a rollback may have ended it by now, which is another story
        return await refused(case, error)
    case.tracker.show(items=found.plan.items, changes=found.changes, source=found.plan.source)
    await case.run.checkpoint()
    await proposed(case, found.plan, found.tip)
    return None


async def _merged(case: Case) -> Outcome | None:
    """Until it is merged (None), or over."""
    ruled = await _agreed(case)
    if ruled.ruling is not Ruling.APPROVED:
        return await _over(case, ruled)
    try:
        await _approved(case, ruled)
        await ran(case, case.stage.before, when="before")
        await case.run.checkpoint()
        sha = await merged(case)
    except Stale as stale:
        await _once_more(case, str(stale))
    except Unseen as error:
        await _given_back(case, error.error)
    else:
        case.promotion = replace(case.promotion, merge_sha=sha)
    return None


async def _over(case: Case, ruled: Ruled) -> Outcome | None:
    """Its end, unless it is merged by then; None: Qbot's own merge has come through all the same.

    Nobody waits for that behind the stage's lock; whatever is seen through takes it again.

    Raises:
        UserError, PermanentError: it is not known, or was merged elsewhere.
    """
    await case.run.let_go()
    await case.refresh()
    if ruled.by_hand is None and not ruled.void:
        ruled = await merged_after_all(case) or ruled
    if case.promotion.merge_sha:
        return None
    if ruled.by_hand is not None:
        return await bypassed(case, ruled.by_hand, ruled)
    return await closed(case, End.CANCELLED, _STATES[ruled.ruling], ruled.reason, void=ruled.void)


async def _once_more(case: Case, why: str) -> None:
    """Begin anew from what is recorded, without the stage's lock; a few times only.

    Raises:
        Suspended: always, unless it is enough.
        UserError: the branch or the stage does not come to rest.
    """
    if case.round >= _ROUNDS:
        raise UserError(
            f"{case.promotion.name} cannot be merged: {why}, again and again.",
            hint=_QUIET,
        )
    await case.undone(why)
    await case.run.let_go()
    while True:  # a signal that came meanwhile is looked at from the start as well
        await case.run.nap(DECISION, 1.0)


async def _given_back(case: Case, error: TransientError) -> None:
    """Begin anew from the approvals once the stage can be seen; what it judged is forgotten.

    Raises:
        Suspended: always, unless it is enough.
        UserError: it comes and goes, and the job before the merge would run again and again.
    """
    why = str(error).rstrip(".")
    if case.given_back >= _ROUNDS:
        raise UserError(
            f"{case.promotion.name} cannot be merged: {case.stage.name} could not be seen right "
            f"before it, {case.given_back + 1} times by now: {why}.",
            hint=_QUIET,
        )
    await case.gave_back(why)
    while True:  # as above
        await waited(case, error)


async def _agreed(case: Case) -> Ruled:
    """Approved, with the stage's lock held and all of it judged anew; or over."""
    while True:
        ruled = await decided(case)
        if ruled.ruling is not Ruling.APPROVED:
            return ruled
        await shouted(case)
        if error := await unseen(case):
            await waited(case, error)
            continue
        if first := await gone_before(case):
            await queued_behind(case, first)
            continue
        again = await _fresh(case)
        if again is not None:
            return again


async def _fresh(case: Case) -> Ruled | None:
    """With the roles of now, before it takes anybody's place and once more with the lock."""
    again = await ruling(case, fresh=True) if case.back else None
    if not case.back or (again and again.ruling is Ruling.APPROVED):
        await place_taken(case)
        await case.run.acquire(case.stage.scope, first=case.back)
        again = await ruling(case, fresh=True)
    if again is None:
        if case.promotion.state is PromotionState.APPROVED:
            await case.undone("not everything that it needs is there any more")
        await case.run.let_go()
    return again


async def _approved(case: Case, ruled: Ruled) -> None:
    async def record() -> str:
        return case.plan.digest

    who = ", ".join(f"{a.actor.user}={a.account.username}" for a in ruled.counted)
    await case.run.step(
        f"approved:{case.round}:{case.merge_request.sha}",
        record,
        changes=[
            PromotionMoved(case.promotion.id, PromotionState.APPROVED),
            case.audited("executing", "done", approvers=who or "none", digest=case.plan.digest),
        ],
    )
    await case.reread()  # until this very commit a rollback could take its place
    await case.run.checkpoint()
    case.tracker.show(
        state=PromotionState.APPROVED, approvals=ruled.counted, barriers=(), goes_before=()
    )


async def _stopped(case: Case) -> Outcome | None:
    """Withdrawn; None: a merge that was asked for before has come through all the same."""
    with case.run.ignoring_cancel():
        try:
            return await _over(case, _WITHDRAWN)
        except (UserError, PermanentError) as error:
            return failed(case, error)


async def _broken_off(case: Case, error: UserError | PermanentError) -> Outcome | None:
    """It cannot go on; None: a merge that was asked for before has come through all the same."""
    with case.run.ignoring_cancel():
        await case.refresh()
        if not case.promotion.state.open:  # a rollback did not wait for it to fail
            return await _stopped(case)
        try:
            past = await came_through(case) if case.promotion.asked_sha else None
            if past is not None and past.by_hand is not None:
                return await bypassed(case, past.by_hand, past)
        except (UserError, PermanentError):
            return failed(case, error)  # the card says what is not known
    return None if case.promotion.merge_sha else failed(case, error)


def _gave_way(case: Case) -> Outcome:
    """As its row has just been read: who ended it wrote how, and why."""
    state, why = case.promotion.state, case.promotion.reason
    end = End.FAILED if state is PromotionState.FAILED else End.CANCELLED
    return ended(case, end, state, why)


async def _rolled_out(case: Case, *, again: bool) -> Outcome:
    """From the merge on: it is in the repository, so it is seen through.

    `again`: it was given up once, and the stage may have gone on without it.
    """
    sha = case.promotion.merge_sha
    case.tracker.show(merged_sha=sha, merge_status="merged", unsure=False)
    await _still_held(case)
    try:
        told = await _seen_through(case, again=again)
    except Cancelled:
        return _gave_way(case)
    except (UserError, PermanentError) as error:
        await _still_held(case)
        return failed(case, error)
    await _still_held(case)
    late = "It was merged before it could be withdrawn." if case.run.cancel_requested else ""
    return ended(case, End.SUCCEEDED, PromotionState.DONE, f"{told} {late}".strip())


async def _seen_through(case: Case, *, again: bool) -> str:
    """What there is to tell of it.

    Raises:
        UserError, PermanentError: it did not come to run, or its job failed.
        Cancelled: somebody has ended it, who may hold the stage's lock by now.
    """
    try:
        await case.still_its_turn()
        await case.run.acquire(case.stage.scope, first=True)
        await case.still_its_turn()
        told = await case.while_its_turn(still_written(case)) if again else ""
    except Cancelled:
        await let_go(case)
        raise
    await deployed(case)
    await case.still_its_turn()
    await ran(case, case.stage.after, when="after")
    await case.still_its_turn()
    await recorded(case)
    await case.still_its_turn()
    return told


async def _still_held(case: Case) -> None:
    """Some may have been released while it was deployed, or before it was taken up again."""
    if not case.back:
        return
    stage, number = case.stage.name, case.promotion.id
    holds = await case.run.call("the database", lambda: case.context.promotions.holds(stage))
    mine = {hold.service for hold in holds if hold.promotion == number}
    case.tracker.show(held=tuple(service for service in case.services if service in mine))
