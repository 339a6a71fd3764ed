"""The scripts behind `Journal.submit` and `Journal.request_cancel`."""

from datetime import datetime

from qbot.domain.inputs import CreateInput, gives_up, goes_by_itself, is_dry
from qbot.domain.names import EnvId, OpId
from qbot.domain.operation import (
    BranchTaken,
    NewEnvironment,
    Operation,
    QuotaReached,
    Submission,
    Submitted,
)
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.errors import PermanentError
from qbot.store import endings, environments, lifetimes, operations, stopping
from qbot.store.audit import note, scope_id
from qbot.store.beginnings import first_rows
from qbot.store.queue import ASIDE, FIRST, IN_TURN
from qbot.store.rows import input_text, time_text
from qbot.store.statements import Channel, Notify, Pass, Script, Turnstile, sql


def submit(
    wish: Submission, new: NewEnvironment | None, op: OpId, at: datetime
) -> Script[Submitted | BranchTaken | QuotaReached]:
    """Write an operation down, or say what stands in its place."""
    yield Pass(Turnstile.SUBMIT)  # counting and inserting must not interleave
    known = yield sql("select op_id from op_keys where key = ?", wish.key)
    if known:
        return Submitted((yield from _existing(known[0]["op_id"])), fresh=False, repeated=True)
    if new is not None:
        refusal = yield from in_the_way(new)
        if refusal is not None:
            reason = "branch" if isinstance(refusal, BranchTaken) else "quota"
            detail = (("branch", new.environment.branch), ("reason", reason))
            action = f"{wish.kind}.{_asked_for(wish)}"
            yield from note(wish.actor, action, "refused", at, detail=detail)
            return refusal
        if not is_dry(wish.input):
            yield from environments.insert(new.environment)
    twin = yield from _twin(wish)
    if twin is not None:
        yield sql("insert into op_keys(key, op_id) values(?, ?)", wish.key, twin.id)
        return Submitted(twin, fresh=False)
    if wish.kind is Kind.TEARDOWN and wish.env is not None:
        yield from _clear_the_way(wish.env, wish.actor, at)
    yield from _insert(wish, op, at)
    return Submitted((yield from _existing(op)), fresh=True)


def in_the_way(new: NewEnvironment) -> Script[BranchTaken | QuotaReached | None]:
    """Who has the branch or the name, or else who holds the places."""
    env = new.environment
    there = yield from environments.taken(env.branch, env.name)
    if there is None:
        return (yield from lifetimes.over_quota(new))
    going_on = yield from operations.going_on(there.id)
    return BranchTaken(there, going_on[0] if going_on else None)


def request_cancel(op: OpId, by: Actor, at: datetime) -> Script[bool]:
    """End it if it has not begun, else ask its worker to stop.

    A queued create is left to its handler: only that knows what becomes of the environment. The
    same person asking again changes nothing, so a delivery may come twice.
    """
    again = "select id from operations where id = ? and cancel_by = ? and state <> 'done'"
    if (yield sql(again, op, by.key)):
        return True
    dropped = yield sql(
        "update operations set state = 'done' where id = ? and state = 'queued' and fence = 0 "
        "and kind <> 'create' "
        "returning id, kind, coalesce(env_id, 'stage:' || stage) as scope",
        op,
    )
    for row in dropped:
        yield from endings.drop_queued(row, by, at)
        return True
    return (yield from stopping.ask(op, by, at))


def _twin(wish: Submission) -> Script[Operation | None]:
    """The same command of the same place that is under way already; dry runs are private."""
    if is_dry(wish.input):
        return None
    others: list[Operation] = []
    if wish.env is not None and wish.kind.holds:
        others = yield from operations.going_on(wish.env)
    elif wish.env is not None:
        others = yield from operations.beside(wish.env)
    elif wish.stage is not None:
        others = yield from operations.under_way(wish.stage)
    for other in others:
        same = other.input == wish.input or wish.kind is Kind.TEARDOWN  # whoever asked for it
        if other.kind is wish.kind and same and other.cancel_by is None:
            return None if (yield from _gives_way(other, wish)) else other
    return None


def _gives_way(other: Operation, wish: Submission) -> Script[bool]:
    """Whether it is the reaper's and has not begun: a use keeps that, and not a person's."""
    if not goes_by_itself(other.input) or goes_by_itself(wish.input):
        return False
    return bool((yield sql("select id from operations where id = ? and fence = 0", other.id)))


def _clear_the_way(env: EnvId, by: Actor, at: datetime) -> Script[None]:
    """What has not begun never will; what runs is asked to stop."""
    dropped = yield sql(
        "update operations set state = 'done' where lock_key = ? and state = 'queued' "
        "and fence = 0 returning id, kind, env_id as scope",
        env,
    )
    for row in dropped:
        yield from endings.drop_queued(row, by, at)
    asked = yield sql(
        "update operations set cancel_by = ?, "
        "state = case when state = 'waiting' then 'ready' else state end "
        "where lock_key = ? and state <> 'done' and cancel_by is null returning id, kind",
        by.key,
        env,
    )
    for row in asked:
        yield from stopping.asked_to_stop(OpId(row["id"]), Kind(row["kind"]), env, by, at)


def _insert(wish: Submission, op: OpId, at: datetime) -> Script[None]:
    dry = is_dry(wish.input)
    yield sql(
        "insert into operations(id, kind, input, env_id, stage, lock_key, priority, actor, "
        "channel, response_url, state, created_at, headline, fence, clean) "
        "values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, '', 0, 0)",
        op,
        wish.kind.value,
        input_text(wish.kind, wish.input),
        wish.env,
        wish.stage,
        scope_id(wish) if wish.kind.holds and not dry else None,
        _priority(wish),
        wish.actor.key,
        wish.place.channel,
        wish.place.response_url,
        time_text(at),
    )
    yield sql("insert into op_keys(key, op_id) values(?, ?)", wish.key, op)
    back = wish.input.brings_back if isinstance(wish.input, CreateInput) else None
    facts = (("rule", wish.rule), ("channel", wish.place.channel), ("brings back", back or ""))
    detail = [(name, fact) for name, fact in facts if fact]
    if not dry:
        detail += yield from first_rows(wish, op, at)
    action = f"{wish.kind}.{_asked_for(wish)}"
    yield from note(wish.actor, action, "done", at, op=op, env=scope_id(wish), detail=detail)
    yield Notify(Channel.WORK)


def _priority(wish: Submission) -> int:
    if is_dry(wish.input):
        return ASIDE
    return FIRST if wish.kind is Kind.TEARDOWN else IN_TURN


def _asked_for(wish: Submission) -> str:
    """In the audit log's words."""
    if is_dry(wish.input):
        return "preview-requested"
    if wish.request is None or wish.request.again is None:
        return "requested"
    return "abandon-requested" if gives_up(wish.input) else "retry-requested"


def _existing(op: str) -> Script[Operation]:
    found = yield from operations.by_id(OpId(op))
    if found is None:
        raise PermanentError(f"The database lost operation {op}.")
    return found
