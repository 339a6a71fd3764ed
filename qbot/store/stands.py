"""All that a deletion is judged by, read in one transaction; and once more when it begins."""

from datetime import datetime, timedelta

from qbot.domain.branches import MergeState
from qbot.domain.changes import StillGoes
from qbot.domain.names import EnvId, OpId
from qbot.domain.people import QBOT
from qbot.domain.progress import End
from qbot.domain.reaper_rows import Stand
from qbot.errors import UserError
from qbot.store import branches, environments, presence, standing, warnings
from qbot.store.rows import clean, time_text
from qbot.store.statements import Script, sql

_SKEW = timedelta(minutes=1)  # between the clocks of two replicas
_FRESH = timedelta(minutes=10)  # for which a deletion stands on what GitLab said before


def stand_of(env: EnvId, at: datetime, but: str = "") -> Script[Stand | None]:
    """As it is now, and would be without the operation `but`."""
    rows = yield sql("select o.* from environments o where o.id = ? {HOLD}", env)
    found = yield from environments.without_plans(env)
    if found is None or not found.phase.alive:
        return None
    last = yield sql(
        "select max(case when not (actor = ? and coalesce(outcome, '') = ?) "
        "then coalesce(ended_at, created_at) end) as at, "
        "max(case when state <> 'done' and lock_key is not null then 1 else 0 end) as busy "
        "from operations where env_id = ? and id <> ?",
        QBOT.key,
        End.REFUSED.value,
        env,
        but,
    )
    uses = [datetime.fromisoformat(t) for t in (rows[0]["used_at"], last[0]["at"]) if t]
    facts = yield from branches.facts([found.branch])
    locks = yield from standing.locks(env, at)
    heard = yield sql(
        "select project from looks where branch = ? and (pushed <> '' or pushed_by <> '') limit 1",
        clean(found.branch),
    )
    paused = yield sql("select one from reaper_pause")
    return Stand(
        environment=found,
        used_at=max(uses, default=found.created_at),
        branch=facts[found.branch],
        kept=(yield from warnings.kept_of(env)),
        told=(yield from warnings.told_of(env)),
        locked=bool(locks),
        busy=bool(last[0]["busy"]),
        heard=bool(heard),
        paused=bool(paused),
        absence=(yield from presence.absence()),
    )


def still(goes: StillGoes, op: OpId, at: datetime) -> Script[None]:
    """Whether nothing has happened to it since the reaper asked for its deletion.

    In the transaction in which the deletion begins: whoever comes later is told that it goes.

    Raises:
        UserError: somebody was faster, or what GitLab said is old by now.
    """
    env, since = goes.env, goes.since
    stand = yield from stand_of(env, at, op)
    if stand is None:
        return
    owner = stand.environment.owner
    extended = stand.kept.until is not None and stand.kept.until > since
    pushed = [b for b in stand.branch.branches if max(b.seen_at, b.pushed_at or b.seen_at) > since]
    opened = any(m.at > since and m.state is MergeState.OPENED for m in stand.branch.merges)
    used = yield sql(
        "select id from environments where id = ? and used_at > ?", env, time_text(since)
    )
    others = yield sql(
        "select id from operations where env_id = ? and id <> ? and state <> 'done' limit 1",
        env,
        op,
    )
    fresh = -_SKEW <= at - since <= _FRESH
    reasons = (
        (stand.paused, "the reaper is paused"),
        (stand.locked, "it is locked"),
        (stand.told is None, "somebody keeps it"),
        (stand.told and stand.told.owner != owner, "it has another owner now"),
        (stand.environment.pin is not None, "it is pinned"),
        (extended, "it was extended"),
        (stand.heard or pushed, "somebody pushed"),
        (opened, "a merge request is open"),
        (used or others, "somebody uses it"),
        # These two decide; those before only say what it was.
        (not fresh, "its deletion was asked for long ago, and is judged anew"),
        (stand.mark != goes.judged, "something happened to it meanwhile"),
    )
    why = next((said for holds, said in reasons if holds), "")
    if why and (stand.locked or not (yield from _joined(op))):
        raise UserError(f"It stays: {why}.", hint="Nothing was deleted.")


def _joined(op: OpId) -> Script[bool]:
    """Whether a person wants the same, and uses it only to say so. Read after the uses.

    Nobody's Delete goes past a lock: whoever holds it may be somebody else.
    """
    keys = yield sql("select key from op_keys where op_id = ?", op)
    return len(keys) > 1
