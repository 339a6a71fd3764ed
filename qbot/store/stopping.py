"""The scripts by which an operation that has begun is asked to stop."""

from dataclasses import replace
from datetime import datetime

from qbot.domain.names import EnvId, OpId
from qbot.domain.people import Actor
from qbot.domain.progress import Kind
from qbot.store import desired
from qbot.store.audit import note
from qbot.store.statements import Channel, Notify, Script, sql


def ask(op: OpId, by: Actor, at: datetime) -> Script[bool]:
    """Let its worker stop it; False: it has ended."""
    asked = yield sql(
        # In the queue of a lock that it asked for on its way it has to do with nobody any more.
        "update operations set cancel_by = coalesce(cancel_by, ?), "
        "lock_key = case when state = 'queued' and fence > 0 then null else lock_key end, "
        "state = case when state = 'waiting' then 'ready' else state end "
        "where id = ? and state <> 'done' "
        "returning kind, coalesce(env_id, 'stage:' || stage) as scope",
        by.key,
        op,
    )
    for row in asked:
        yield from asked_to_stop(op, Kind(row["kind"]), row["scope"], by, at)
    return bool(asked)


def asked_to_stop(op: OpId, kind: Kind, env: EnvId | None, by: Actor, at: datetime) -> Script[None]:
    """Its row says so already: card, audit row and worker follow."""
    yield from desired.edit(op, at, lambda progress: replace(progress, cancelling=True))
    yield from note(by, f"{kind}.cancel-requested", "done", at, op=op, env=env)
    yield Notify(Channel.CANCEL)
    yield Notify(Channel.WORK)
