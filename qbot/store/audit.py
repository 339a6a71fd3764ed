"""The append-only log: one row per decision and effect, in the transaction of what it tells of."""

from collections.abc import Collection, Iterable
from datetime import datetime

from qbot.domain.names import EnvId, OpId
from qbot.domain.people import Actor
from qbot.store.rows import document, time_text
from qbot.store.statements import Script, listed, sql


def note(
    who: Actor,
    action: str,
    outcome: str,
    at: datetime,
    *,
    op: OpId | None = None,
    env: EnvId | None = None,
    detail: Iterable[tuple[str, str]] = (),
) -> Script[None]:
    """Add a row; `detail` holds ids and names, no secret."""
    yield sql(
        "insert into audit(at, team, user_id, op_id, env_id, action, outcome, detail) "
        "values(?, ?, ?, ?, ?, ?, ?, ?)",
        time_text(at),
        who.team,
        who.user,
        op,
        env,
        action,
        outcome,
        document(dict(detail)),
    )


def last_done(env: EnvId, actions: Collection[str]) -> Script[str | None]:
    """The newest of these actions that was done to an environment."""
    rows = yield sql(
        "select action from audit where env_id = ? and outcome = 'done' "
        "and cast(? as text) like '%,' || action || ',%' order by seq desc limit 1",
        env,
        listed(actions),
    )
    return str(rows[0]["action"]) if rows else None
