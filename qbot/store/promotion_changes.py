"""What a step says of its operation's promotion -> rows."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.operation import Claim
from qbot.domain.people import Actor
from qbot.domain.ports import EndedMeanwhile
from qbot.domain.progress import End
from qbot.domain.promotion import (
    Promotion,
    PromotionState,
    promotion_name,
)
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
from qbot.store import places, superseding, undoing
from qbot.store.release_rows import (
    changes_text,
    merge_request_text,
    plan_text,
    promotion_of,
)
from qbot.store.reserving import reserve
from qbot.store.rows import clean, time_text
from qbot.store.statements import Query, Script, sql

_ENDS = {
    PromotionState.DONE: End.SUCCEEDED,
    PromotionState.FAILED: End.FAILED,
    PromotionState.REFUSED: End.REFUSED,
}  # of whoever carries it; all others are stopped


def write(change: ReleaseChange, claim: Claim, at: datetime) -> Script[None]:
    """Write what a step says of the claim's promotion.

    Raises:
        UserError: another open promotion has one of its services.
        EndedMeanwhile: somebody has ended it otherwise since.
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
    mine = promotion_of(rows[0])
    if mine.superseded_by is not None and mine.state is PromotionState.CANCELLED:
        yield from _late(change, mine, at)
    else:
        yield from _written(change, mine, claim.operation.actor, at)


def _written(change: ReleaseChange, mine: Promotion, by: Actor, at: datetime) -> Script[None]:
    match change:
        case PromotionPlanned():
            yield from _plan(change, mine)
        case PromotionOpened():
            yield from _open(change, mine, at)
        case MergeAsked(number, sha):
            yield sql("update promotions set asked_sha = ? where number = ?", sha, number)
        case PlaceTaken():
            yield from superseding.take_over(mine, by, at)
        case PromotionMoved():
            yield from _move(change, mine, at)
        case ApprovalsVoided():
            yield _voided(change)
        case HoldsPlaced():
            yield from _hold(change, mine, at)


def _plan(change: PromotionPlanned, mine: Promotion) -> Script[None]:
    yield from reserve(mine, change.plan.services)
    yield sql(
        "update promotions set plan = ?, changes = coalesce(?, changes) where number = ?",
        plan_text(change.plan),
        None if change.changes is None else changes_text(change.changes),
        mine.id,
    )


def _open(change: PromotionOpened, mine: Promotion, at: datetime) -> Script[None]:
    yield sql(
        "update promotions set state = 'open', merge_request = ?, expires_at = ? where number = ?",
        merge_request_text(change.merge_request),
        time_text(change.expires_at),
        mine.id,
    )
    yield from superseding.tell_others(mine, "waits", at)


def _voided(change: ApprovalsVoided) -> Query:
    return sql(
        "update approvals set void = ? where promotion = ? and void = '' and at > ?",
        clean(change.why) or "void",
        change.promotion,
        time_text(change.after) if change.after else "",
    )


def _late(change: ReleaseChange, mine: Promotion, at: datetime) -> Script[None]:
    """It ended when a rollback took its place: only what is so in GitLab is written still."""
    match change:
        case PromotionOpened(number, merge_request):
            yield sql(
                "update promotions set merge_request = ? where number = ?",
                merge_request_text(merge_request),
                number,
            )
        case PromotionMoved(number, _, sha, merged_at=merged_at) if sha:
            yield sql(
                "update promotions set merge_sha = ?, merged_at = coalesce(merged_at, ?) "
                "where number = ?",
                sha,
                time_text(merged_at or at),
                number,
            )
            yield from superseding.keep_rest(number)
            yield from undoing.replaced(mine, at)
        case PromotionMoved(state=state) if not state.open:
            if state is not mine.state:
                raise _ended(mine)
        case HoldsPlaced():
            yield from _hold(change, mine, at)
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
        time_text(change.merged_at or at),
        clean(change.reason) if over else "",
        time_text(at) if over else None,
        change.promotion,
        change.state.value,
        places.OPEN,
    )
    if not moved:
        raise _ended(mine)
    if over:
        yield from places.free(change.promotion)
        yield from superseding.tell_others(mine, "over", at)
    if change.merge_sha:
        yield from undoing.replaced(mine, at)


def _ended(mine: Promotion) -> EndedMeanwhile:
    return EndedMeanwhile(mine.name, _ENDS.get(mine.state, End.CANCELLED), mine.reason)


def _hold(change: HoldsPlaced, mine: Promotion, at: datetime) -> Script[None]:
    """Whoever goes on with a rollback does not come to own what it holds.

    What the rollback that took its place holds stays that one's.
    """
    rows = yield sql(
        "select service from holds where stage = ? and promotion = ?",
        change.stage,
        mine.superseded_by,
    )
    theirs = {row["service"] for row in rows}
    left = replace(change, versions=tuple(v for v in change.versions if v[0] not in theirs))
    yield from undoing.passed_on(left, at)
    for service, version in left.versions:
        yield sql(
            "insert into holds(stage, service, actor, since, promotion, version) "
            "values(?, ?, ?, ?, ?, ?) on conflict(stage, service) do update set "
            "actor = excluded.actor, since = excluded.since, promotion = excluded.promotion, "
            "version = excluded.version",
            change.stage,
            service,
            mine.requester.key,
            time_text(at),
            change.promotion,
            clean(version),
        )
    yield from undoing.tell(mine, at)
