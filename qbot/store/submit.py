"""The scripts behind `Journal.submit` and `Journal.request_cancel`."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.environment import Environment
from qbot.domain.inputs import is_dry, resumes
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
from qbot.domain.progress import Kind, Progress, Step
from qbot.errors import PermanentError
from qbot.store import desired, endings, environments, operations
from qbot.store.audit import note
from qbot.store.rows import input_text, time_text
from qbot.store.statements import Channel, Notify, Pass, Script, Turnstile, sql

_FIRST, _IN_TURN = 0, 1  # priorities in an environment's queue


def submit(
    wish: Submission, new: NewEnvironment | None, op: OpId, at: datetime
) -> Script[Submitted | BranchTaken | QuotaReached]:
    """Write an operation down, or say what stands in its place."""
    yield Pass(Turnstile.SUBMIT)  # counting and inserting must not interleave
    known = yield sql("select op_id from op_keys where key = ?", wish.key)
    if known:
        return Submitted((yield from _existing(known[0]["op_id"])), fresh=False, repeated=True)
    if new is not None:
        refusal = yield from _refusal(new)
        if refusal is not None:
            reason = "branch" if isinstance(refusal, BranchTaken) else "quota"
            detail = (("branch", new.environment.branch), ("reason", reason))
            yield from note(wish.actor, f"{wish.kind}.requested", "refused", at, detail=detail)
            return refusal
        yield from environments.insert(new.environment)
    twin = yield from _twin(wish)
    if twin is not None:
        yield sql("insert into op_keys(key, op_id) values(?, ?)", wish.key, twin.id)
        return Submitted(twin, fresh=False)
    if wish.kind is Kind.TEARDOWN and wish.env is not None:
        yield from _clear_the_way(wish.env, wish.actor, at)
    yield from _insert(wish, op, at)
    return Submitted((yield from _existing(op)), fresh=True)


def request_cancel(op: OpId, by: Actor, at: datetime) -> Script[bool]:
    """End it if it has not begun, else ask its worker to stop.

    A queued create is left to its handler: only that knows what becomes of the environment.
    """
    dropped = yield sql(
        "update operations set state = 'done' where id = ? and state = 'queued' and fence = 0 "
        "and kind <> 'create' returning id, kind, env_id",
        op,
    )
    for row in dropped:
        yield from endings.drop_queued(row, by, at)
        return True
    asked = yield sql(
        "update operations set cancel_by = coalesce(cancel_by, ?), "
        "state = case when state = 'waiting' then 'ready' else state end "
        "where id = ? and state <> 'done' returning kind, env_id",
        by.key,
        op,
    )
    for row in asked:
        yield from _asked_to_stop(op, Kind(row["kind"]), row["env_id"], by, at)
    return bool(asked)


def _refusal(new: NewEnvironment) -> Script[BranchTaken | QuotaReached | None]:
    env = new.environment
    there = yield from environments.taken(env.branch, env.name)
    if there is None:
        return (yield from environments.over_quota(new))
    going_on = yield from operations.going_on(there.id)
    return BranchTaken(there, going_on[0] if going_on else None)


def _twin(wish: Submission) -> Script[Operation | None]:
    """The same command of the same environment that is under way already; dry runs are private."""
    if wish.env is None or is_dry(wish.input):
        return None
    for other in (yield from operations.going_on(wish.env)):
        if other.kind is wish.kind and other.input == wish.input and other.cancel_by is None:
            return other
    return None


def _clear_the_way(env: EnvId, by: Actor, at: datetime) -> Script[None]:
    """What has not begun never will; what runs is asked to stop."""
    dropped = yield sql(
        "update operations set state = 'done' where lock_key = ? and state = 'queued' "
        "and fence = 0 returning id, kind, env_id",
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
        yield from _asked_to_stop(OpId(row["id"]), Kind(row["kind"]), env, by, at)


def _asked_to_stop(op: OpId, kind: Kind, env: EnvId, by: Actor, at: datetime) -> Script[None]:
    yield from desired.edit(op, at, lambda progress: replace(progress, cancelling=True))
    yield from note(by, f"{kind}.cancel-requested", "done", at, op=op, env=env)
    yield Notify(Channel.CANCEL)
    yield Notify(Channel.WORK)


def _insert(wish: Submission, op: OpId, at: datetime) -> Script[None]:
    dry = is_dry(wish.input)
    yield sql(
        "insert into operations(id, kind, input, env_id, lock_key, priority, actor, channel, "
        "response_url, state, created_at, headline, fence, clean) "
        "values(?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, '', 0, 0)",
        op,
        wish.kind.value,
        input_text(wish.kind, wish.input),
        wish.env,
        None if dry else wish.env,
        _FIRST if wish.kind is Kind.TEARDOWN else _IN_TURN,
        wish.actor.key,
        wish.place.channel,
        wish.place.response_url,
        time_text(at),
    )
    yield sql("insert into op_keys(key, op_id) values(?, ?)", wish.key, op)
    if wish.env is not None and not dry:
        yield from _card(wish, wish.env, op, at)
    rule = (("rule", wish.rule),) if wish.rule else ()
    action = f"{wish.kind}.requested"
    yield from note(wish.actor, action, "done", at, op=op, env=wish.env, detail=rule)
    yield Notify(Channel.WORK)


def _card(wish: Submission, env: EnvId, op: OpId, at: datetime) -> Script[None]:
    found = yield from environments.by_id(env)
    if found is None:
        raise PermanentError(f"There is no environment {env} to {wish.kind}.")
    going_on = yield from operations.going_on(env)
    progress = _queued(wish, found, op, at, going_on[0])
    yield from desired.insert(progress, wish.place.channel or wish.actor.user)


def _queued(
    wish: Submission, env: Environment, op: OpId, at: datetime, first: Operation
) -> Progress:
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
        headline="" if first.id == op else f"Waits for the {first.kind} before it.",
        url=env.url,
        expires_at=env.expires_at,
        lifetime=env.lifetime,
        resumed=resumes(wish.input),
    )


def _existing(op: str) -> Script[Operation]:
    found = yield from operations.by_id(OpId(op))
    if found is None:
        raise PermanentError(f"The database lost operation {op}.")
    return found
