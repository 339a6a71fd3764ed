"""What a step says of its operation's promotion -> rows."""

from datetime import datetime

from qbot.domain.operation import Claim
from qbot.domain.ports import EndedMeanwhile
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
from qbot.store.statements import Script, sql


def write(change: ReleaseChange, claim: Claim, at: datetime) -> Script[None]:
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
            yield from reserve(promotion_of(rows[0]), plan.services)
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
            yield from superseding.tell_others(promotion_of(rows[0]), "waits", at)
        case MergeAsked(number, sha):
            yield sql("update promotions set asked_sha = ? where number = ?", sha, number)
        case PlaceTaken():
            yield from superseding.take_over(promotion_of(rows[0]), claim.operation.actor, at)
        case PromotionMoved():
            yield from _move(change, promotion_of(rows[0]), at)
        case ApprovalsVoided(number, why, after):
            yield sql(
                "update approvals set void = ? where promotion = ? and void = '' and at > ?",
                clean(why) or "void",
                number,
                time_text(after) if after else "",
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
        time_text(change.merged_at or at),
        clean(change.reason) if over else "",
        time_text(at) if over else None,
        change.promotion,
        change.state.value,
        places.OPEN,
    )
    if not moved:
        raise EndedMeanwhile(mine.name)
    if over:
        yield from places.free(change.promotion)
        yield from superseding.tell_others(mine, "over", at)
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
