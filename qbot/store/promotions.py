"""Scripts over promotions. Whoever changes one holds the row of the operation that carries it."""

from collections.abc import Sequence
from datetime import datetime

from qbot.domain.inputs import gives_up
from qbot.domain.names import EnvId, OpId, PromotionId, StageName
from qbot.domain.operation import Claim, Submission
from qbot.domain.people import Actor
from qbot.domain.ports import EndedMeanwhile
from qbot.domain.progress import End
from qbot.domain.promotion import (
    Promotion,
    PromotionState,
    Request,
    promotion_name,
)
from qbot.domain.release import Diff
from qbot.domain.release_changes import (
    ApprovalsVoided,
    HoldsPlaced,
    MergeAsked,
    PlaceTaken,
    PromotionMoved,
    PromotionOpened,
    PromotionPlanned,
    ReleaseChange,
)
from qbot.domain.stages import scope_of
from qbot.errors import UserError
from qbot.store import reserving, stopping, undoing
from qbot.store.audit import note
from qbot.store.release_rows import (
    changes_of,
    changes_text,
    merge_request_text,
    plan_text,
    promotion_of,
)
from qbot.store.rows import clean, time_text
from qbot.store.statements import Script, listed, sql

_LEFT = "What is merged stays as it is."


def by_number(number: PromotionId) -> Script[Promotion | None]:
    """One promotion."""
    rows = yield sql("select * from promotions where number = ?", number)
    return promotion_of(rows[0]) if rows else None


def changes(number: PromotionId) -> Script[Diff]:
    """The lines that it changes, redacted; none where nothing is planned yet."""
    rows = yield sql("select changes from promotions where number = ?", number)
    return changes_of(rows[0]["changes"]) if rows else Diff()


def of_operation(op: OpId) -> Script[Promotion | None]:
    """The one that an operation carries."""
    rows = yield sql("select * from promotions where op_id = ?", op)
    return promotion_of(rows[0]) if rows else None


def newest(
    stage: StageName | None, limit: int, states: Sequence[PromotionState]
) -> Script[list[Promotion]]:
    """Newest first; an empty `states` means all."""
    rows = yield sql(
        "select * from promotions where (cast(? as text) is null or stage = ?) "
        "and cast(? as text) like '%,' || state || ',%' order by number desc limit ?",
        stage,
        stage,
        listed(states or PromotionState),
        limit,
    )
    return [promotion_of(row) for row in rows]


def begin(wish: Submission, request: Request, op: OpId, at: datetime) -> Script[Promotion]:
    """A new row for a new operation, or an old one that it goes on with.

    Raises:
        UserError: that one has not failed, or somebody has gone on with it.
    """
    if request.again is not None:
        return (yield from _take_over(wish, request.again, request.stage, op, at))
    rows = yield sql(
        "insert into promotions(op_id, kind, stage, requester, account_id, account_name, state, "
        "created_at, merge_sha, reason, outcome, emergency, to_number) "
        "values(?, ?, ?, ?, ?, ?, ?, ?, '', ?, '', ?, ?) returning *",
        op,
        request.kind.value,
        request.stage,
        wish.actor.key,
        request.account.id if request.account else None,
        request.account.username if request.account else "",
        PromotionState.RESOLVING.value,
        time_text(at),
        clean(request.reason),
        1 if request.emergency else 0,
        request.to,
    )
    return promotion_of(rows[0])


def _take_over(
    wish: Submission, number: PromotionId, stage: StageName, op: OpId, at: datetime
) -> Script[Promotion]:
    withdrawn = yield sql(
        "select o.id from operations o join promotions p on p.op_id = o.id "
        "where p.number = ? and o.cancel_by is not null",
        number,
    )
    rows = yield sql(
        "update promotions set op_id = ?, outcome = '', ended_at = null, superseded_by = null, "
        "state = case when merge_sha <> '' then 'merged' when merge_request is not null "
        "then 'open' else 'resolving' end "
        "where number = ? and stage = ? and state = 'failed' returning *",
        op,
        number,
        stage,
    )
    if not rows:
        raise UserError((yield from _no_retry(number)))
    taken = promotion_of(rows[0])
    # One that is given up is in nobody's way, nor is anybody in its.
    if gives_up(wish.input):
        return taken
    if withdrawn and not taken.merge_sha:
        raise UserError(
            f"{taken.name} was withdrawn: it cannot be tried again.",
            hint="Abandon closes its merge request.",
        )
    if taken.plan is not None:
        yield from reserving.reserve(taken, taken.plan, wish.actor, at)
    return taken


def _no_retry(number: PromotionId) -> Script[str]:
    found = yield from by_number(number)
    name = promotion_name(number)
    if found is None:
        return f"There is no {name}."
    if found.state.open:
        return f"{name} has been taken up again already: it {reserving.BUSY[found.state]}."
    return f"{name} cannot be tried again: it is {found.state}."


def give_up(number: PromotionId, by: Actor, rule: str, at: datetime) -> Script[bool]:
    """What is merged stays merged; its operation looks at the row, and stops."""
    yield sql(
        "select o.id from operations o join promotions p on p.op_id = o.id "
        "where p.number = ? {HOLD}",
        number,
    )
    rows = yield sql(
        "update promotions set state = ?, outcome = ?, ended_at = ? "
        "where number = ? and state = ? returning *",
        PromotionState.CANCELLED.value,
        _LEFT,
        time_text(at),
        number,
        PromotionState.MERGED.value,
    )
    for found in map(promotion_of, rows):
        detail = [("promotion", found.name), ("stage", found.stage), ("rule", rule)]
        scope = EnvId(scope_of(found.stage))
        action = f"{found.kind}.abandoned"
        yield from note(by, action, "done", at, op=found.op, env=scope, detail=detail)
        yield from stopping.ask(found.op, by, at)
        yield from reserving.free(number)
    return bool(rows)


def settle(op: OpId, outcome: End, why: str, at: datetime) -> Script[PromotionState | None]:
    """An operation that ends leaves no promotion open: whoever forgot is corrected."""
    quiet = {End.CANCELLED: PromotionState.CANCELLED, End.REFUSED: PromotionState.REFUSED}
    rows = yield sql(
        "update promotions set state = case when merge_request is null then ? else 'failed' end, "
        "outcome = ?, ended_at = ? where op_id = ? and cast(? as text) like '%,' || state || ',%' "
        "returning number, state",
        quiet.get(outcome, PromotionState.FAILED).value,
        clean(why),
        time_text(at),
        op,
        reserving.OPEN,
    )
    for row in rows:
        yield from reserving.free(row["number"])
    return PromotionState(rows[0]["state"]) if rows else None


def change(change: ReleaseChange, claim: Claim, at: datetime) -> Script[None]:
    """Write what a step says of the claim's promotion.

    Raises:
        UserError: another open promotion has one of its services.
        EndedMeanwhile: it was merged, and somebody has ended it otherwise since.
        ValueError: it is not the claim's: a bug in the caller.
    """
    rows = yield sql(
        "select * from promotions where number = ? and op_id = ?",
        change.promotion,
        claim.operation.id,
    )
    if not rows:
        msg = f"{promotion_name(change.promotion)} is not carried by {claim.operation.id}"
        raise ValueError(msg)
    if rows[0]["superseded_by"] is not None and rows[0]["state"] == PromotionState.CANCELLED:
        yield from _late(change, promotion_of(rows[0]), at)
        return
    match change:
        case PromotionPlanned(number, plan, changes):
            yield from reserving.reserve(promotion_of(rows[0]), plan, claim.operation.actor, at)
            yield sql(
                "update promotions set plan = ?, changes = coalesce(?, changes) where number = ?",
                plan_text(plan),
                None if changes is None else changes_text(changes),
                number,
            )
        case PromotionOpened(number, merge_request, expires_at):
            yield sql(
                "update promotions set state = 'open', merge_request = ?, expires_at = ? "
                "where number = ?",
                merge_request_text(merge_request),
                time_text(expires_at),
                number,
            )
        case MergeAsked(number, sha):
            yield sql("update promotions set asked_sha = ? where number = ?", sha, number)
        case PlaceTaken():
            yield from reserving.take_over(promotion_of(rows[0]), claim.operation.actor, at)
        case PromotionMoved():
            yield from _move(change, promotion_of(rows[0]), at)
        case ApprovalsVoided(number, why):
            yield sql(
                "update approvals set void = ? where promotion = ? and void = ''",
                clean(why) or "void",
                number,
            )
        case HoldsPlaced():
            yield from _hold(change, rows[0]["requester"], at)
            yield from undoing.tell(promotion_of(rows[0]), at)


def _late(change: ReleaseChange, mine: Promotion, at: datetime) -> Script[None]:
    """It ended when a rollback took its place: only what is so in GitLab is written still."""
    match change:
        case PromotionOpened(number, merge_request):
            yield sql(
                "update promotions set merge_request = ? where number = ?",
                merge_request_text(merge_request),
                number,
            )
        case PromotionMoved(number, _, sha) if sha:
            yield sql(
                "update promotions set merge_sha = ?, merged_at = coalesce(merged_at, ?) "
                "where number = ?",
                sha,
                time_text(at),
                number,
            )
            yield from reserving.keep_rest(number)
            yield from undoing.replaced(mine, at)
        case PromotionMoved(state=state) if mine.merge_sha and not state.open:
            if state is not mine.state:
                raise EndedMeanwhile(mine.name)
        case _:
            return


def _move(change: PromotionMoved, mine: Promotion, at: datetime) -> Script[None]:
    over = not change.state.open
    moved = yield sql(
        "update promotions set state = ?, merge_sha = case when cast(? as text) = '' "
        "then merge_sha else ? end, merged_at = case when cast(? as text) = '' then merged_at "
        "else coalesce(merged_at, ?) end, outcome = ?, ended_at = ? where number = ? "
        "and (state = ? or cast(? as text) like '%,' || state || ',%') returning number",
        change.state.value,
        change.merge_sha,
        change.merge_sha,
        change.merge_sha,
        time_text(at),
        clean(change.reason) if over else "",
        time_text(at) if over else None,
        change.promotion,
        change.state.value,
        reserving.OPEN,
    )
    if not moved:
        raise EndedMeanwhile(mine.name)
    if over:
        yield from reserving.free(change.promotion)
    if change.merge_sha:
        yield from undoing.replaced(mine, at)


def _hold(change: HoldsPlaced, owner: str, at: datetime) -> Script[None]:
    """Whoever goes on with a rollback does not come to own what it holds."""
    for service, version in change.versions:
        yield sql(
            "insert into holds(stage, service, actor, since, promotion, version) "
            "values(?, ?, ?, ?, ?, ?) on conflict(stage, service) do update set "
            "actor = excluded.actor, since = excluded.since, promotion = excluded.promotion, "
            "version = excluded.version",
            change.stage,
            service,
            owner,
            time_text(at),
            change.promotion,
            clean(version),
        )
