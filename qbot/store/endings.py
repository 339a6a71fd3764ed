"""Scripts that end operations: their own way, or before they began."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.closing import closed
from qbot.domain.environment import Phase
from qbot.domain.names import EnvId, OpId
from qbot.domain.people import Actor
from qbot.domain.progress import End, Kind
from qbot.domain.promotion import PromotionState
from qbot.domain.release import Shown, StageProgress
from qbot.store import desired, environments, promotions, superseding, undoing
from qbot.store.audit import note
from qbot.store.reopened import reopened
from qbot.store.rows import clean, time_text
from qbot.store.statements import Channel, Notify, Row, Script, sql

NEVER_STARTED = "It had not started."


def end(op: OpId, kind: Kind, outcome: End, headline: str, at: datetime) -> Script[None]:
    """Close the row and, where nobody did yet, let card and promotion show the end."""
    state, over = None, None
    if kind.of_stage:
        state = yield from promotions.settle(op, outcome, headline, at)
        over = yield from superseding.superseded(op)
    instead = over.why if over and outcome is End.CANCELLED else ""
    headline = instead or headline
    rows = yield sql(
        "update operations set state = 'done', outcome = ?, headline = ?, ended_at = ?, "
        "owner = null, wait_topic = null, wait_until = null where id = ? "
        "returning cancel_by, env_id",
        outcome.value,
        clean(headline),
        time_text(at),
        op,
    )

    def shown(progress: Shown) -> Shown:
        if over and isinstance(progress, StageProgress):
            progress = replace(progress, overtaken_by=over.by)
        if state and not progress.end and isinstance(progress, StageProgress):
            progress = replace(progress, state=state)
        if not progress.end:
            progress = closed(progress, outcome, headline, at)
        elif instead:
            progress = replace(progress, headline=headline)
        return progress if over else _withdrawn(progress, rows[0]["cancel_by"])

    yield from desired.edit(op, at, shown)
    if kind.of_stage:
        yield from undoing.settled(op, at)
    yield from reopened(kind, rows[0]["env_id"], outcome, at)
    yield Notify(Channel.WORK)  # the next one in the queue


def _withdrawn(shown: Shown, by: str | None) -> Shown:
    """What somebody cancelled or took back names them."""
    if not by:
        return shown
    if isinstance(shown, StageProgress):
        is_cancelled = shown.state is PromotionState.CANCELLED
    else:
        is_cancelled = shown.end is End.CANCELLED
    return replace(shown, ended_by=Actor.from_key(by)) if is_cancelled else shown


def drop_queued(row: Row, by: Actor, at: datetime) -> Script[None]:
    """End an operation that nobody has begun; the caller holds its row."""
    op, kind = OpId(row["id"]), Kind(row["kind"])
    yield sql("update operations set cancel_by = ? where id = ?", by.key, op)
    yield from end(op, kind, End.CANCELLED, NEVER_STARTED, at)
    word = "withdrawn" if kind.of_stage else "cancelled"
    yield from note(by, f"{kind}.{word}", End.CANCELLED.value, at, op=op, env=row["scope"])


def settle(kind: Kind, env: EnvId, outcome: End) -> Script[None]:
    """An environment without an operation is never on its way: whoever forgot is corrected."""
    if kind not in (Kind.CREATE, Kind.TEARDOWN):
        return
    found = yield from environments.without_plans(env)
    if found is None:
        return
    if found.phase is Phase.CREATING:
        phase = {End.REFUSED: Phase.DELETED, End.CANCELLED: Phase.PARTIAL}
        yield from environments.advance(env, phase.get(outcome, Phase.FAILED))
    if kind is Kind.TEARDOWN and found.phase is Phase.DELETING:
        yield from environments.advance(env, Phase.STUCK)
