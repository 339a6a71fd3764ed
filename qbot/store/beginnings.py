"""What a new operation has beside its own row: its card, and the promotion that it carries."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from qbot.domain.environment import Environment
from qbot.domain.inputs import (
    PromoteInput,
    brings_back,
    clears,
    follows_push,
    gives_up,
    hook_of,
    resumes,
)
from qbot.domain.names import BranchName, EnvId, EnvName, OpId, StageName
from qbot.domain.operation import Submission
from qbot.domain.progress import Progress, Step
from qbot.domain.promotion import (
    Promotion,
    PromotionState,
    Request,
    standing_word,
)
from qbot.domain.release import Shown, StageProgress
from qbot.domain.stages import scope_of
from qbot.errors import PermanentError
from qbot.store import desired, environments, operations, promotions, taking_up, undoing
from qbot.store.statements import Script
from qbot.store.turns import turn_of

_AGAIN = "It was taken up again: a newer message shows how it goes on."
_STOPPED = "It was {0}: a newer message says what is left of it."


def first_rows(wish: Submission, op: OpId, at: datetime) -> Script[Iterable[tuple[str, str]]]:
    """Write them; answers what the audit row of the request says of them.

    Raises:
        UserError: the promotion cannot be gone on with.
        ValueError: the wish lacks its stage or its request: a bug in the caller.
    """
    channel = wish.place.channel or wish.actor.user
    if wish.kind.of_stage:
        if wish.stage is None or wish.request is None:
            msg = f"{wish.kind} without a stage or a request"
            raise ValueError(msg)
        old = yield from _before(wish.request)
        promotion = yield from _promotion(wish, wish.request, op, at)
        shown = yield from _asked(wish, wish.request, promotion, op, at)
        if wish.request.again is not None:
            shown = _again(shown, old, wish, promotion)
        home = wish.request.home if wish.place.direct else ""
        yield from desired.insert(shown, home or channel)
        if wish.request.again is not None and not gives_up(wish.input):
            yield from undoing.settled(op, at)
        return (("promotion", promotion.name), ("stage", promotion.stage))
    if wish.stage is not None:
        yield from desired.insert(_at_stage(wish, wish.stage, op, at), channel)
    elif wish.env is not None:
        yield from desired.insert((yield from _at_environment(wish, wish.env, op, at)), channel)
        yield from desired.keep_pinned(op, wish.env, at)
        yield from desired.found_again(wish.env, at)
    return ()


def _promotion(wish: Submission, request: Request, op: OpId, at: datetime) -> Script[Promotion]:
    if request.again is not None:
        before = yield from promotions.by_number(request.again)
        promotion = yield from taking_up.begin(wish, request, op, at)
        if before is not None:
            merged = bool(before.merge_sha)
            word = standing_word(PromotionState.CANCELLED, merged=merged)
            note = _STOPPED.format(word) if gives_up(wish.input) else _AGAIN
            yield from desired.close(before.op, note, at, followed_by=op)
        return promotion
    return (yield from taking_up.begin(wish, request, op, at))


def _before(request: Request) -> Script[StageProgress | None]:
    """What the card of a promotion showed that is taken up again."""
    if request.again is None:
        return None
    found = yield from promotions.by_number(request.again)
    old = (yield from desired.shown(found.op)) if found else None
    return old if isinstance(old, StageProgress) else None


def _again(
    shown: StageProgress, old: StageProgress | None, wish: Submission, promotion: Promotion
) -> StageProgress:
    """Who took it up, and what was known of it: what people said and what was passed, above all."""
    given_up = gives_up(wish.input)
    shown = replace(
        shown,
        requested_at=promotion.created_at,
        again_by=wish.actor,
        given_up=given_up,
        ended_by=wish.actor if given_up else None,
        unsure=bool(promotion.asked_sha) and not promotion.merge_sha,
    )
    if old is None:
        return shown
    return replace(
        shown,
        approvals=old.approvals,
        exempted=old.exempted,
        held=old.held,
        released=old.released,
        services=old.services if given_up else (),
    )


def _asked(
    wish: Submission, request: Request, promotion: Promotion, op: OpId, at: datetime
) -> Script[StageProgress]:
    """What is known of a promotion when it is asked for, or of one that is taken up again."""
    plan, ref = promotion.plan, promotion.merge_request
    source = plan.source if plan else (yield from _source(wish))
    changes = yield from promotions.changes(promotion.id)
    return StageProgress(
        op=op,
        kind=wish.kind,
        stage=promotion.stage,
        source=source,
        actor=promotion.requester,
        step=Step.QUEUED,
        started_at=at,
        updated_at=at,
        promotion=promotion.id,
        state=promotion.state,
        to=promotion.to,
        items=plan.items if plan else (),
        changes=changes,
        digest=plan.digest if plan else "",
        merge_request=ref.url if ref else "",
        merge_request_iid=ref.iid if ref else 0,
        merged_sha=promotion.merge_sha,
        expires_at=promotion.expires_at,
        reason=promotion.reason,
        emergency=promotion.emergency,
        home=request.home,
    )


def _source(wish: Submission) -> Script[str]:
    """A stage or a branch; a rollback's is known with its plan."""
    match wish.input:
        case PromoteInput(source=stage) if stage is not None:
            return stage
        case PromoteInput(env=env) if env is not None:
            found = yield from environments.by_id(env)
            return found.branch if found else ""
        case _:
            return ""


def _at_environment(wish: Submission, env: EnvId, op: OpId, at: datetime) -> Script[Shown]:
    found = yield from environments.by_id(env)
    if found is None:
        raise PermanentError(f"There is no environment {env} to {wish.kind}.")
    shown = _queued(wish, found, op, at)
    if not wish.kind.holds:
        return shown
    first = (yield from operations.going_on(env))[0]
    return shown if first.id == op else replace(shown, headline=turn_of(first.kind))


def _queued(wish: Submission, env: Environment, op: OpId, at: datetime) -> Progress:
    return Progress(
        op=op,
        kind=wish.kind,
        env=env.id,
        name=env.name,
        branch=env.branch,
        actor=wish.actor,
        step=Step.QUEUED,
        started_at=at,
        updated_at=at,
        url=env.url,
        expires_at=env.ends_at,
        lifetime=env.lifetime,
        resumed=resumes(wish.input),
        pushed=follows_push(wish.input),
        brings_back=brings_back(wish.input),
        leftovers=clears(wish.input),
        owner=env.owner if follows_push(wish.input) or hook_of(wish.input) else None,
        hook=hook_of(wish.input),
    )


def _at_stage(wish: Submission, stage: StageName, op: OpId, at: datetime) -> Shown:
    """A job for a stage is shown as one for an environment of the stage's name."""
    return Progress(
        op=op,
        kind=wish.kind,
        env=EnvId(scope_of(stage)),
        name=EnvName(stage),
        branch=BranchName(stage),
        actor=wish.actor,
        step=Step.QUEUED,
        started_at=at,
        updated_at=at,
    )
