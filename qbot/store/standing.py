"""Scripts over what stands in the way of a stage: freezes, locks and holds; each change audited."""

from collections.abc import Collection, Mapping
from datetime import datetime

from qbot.domain.barriers import Declared, Freeze, Hold, Lock
from qbot.domain.environment import Phase
from qbot.domain.names import EnvId, OpId, ServiceName, StageName
from qbot.domain.people import Actor
from qbot.domain.promotion import DECISION, promotion_name
from qbot.domain.stages import scope_of
from qbot.errors import UserError
from qbot.store import undoing
from qbot.store.audit import note
from qbot.store.release_rows import freeze_of, hold_of, lock_of
from qbot.store.rows import clean, optional_time_text, time_text
from qbot.store.signalling import signal
from qbot.store.statements import Row, Script, listed, sql

_GOING = (Phase.DELETING, Phase.DELETED)


def freezes(stage: StageName | None, at: datetime) -> Script[list[Freeze]]:
    """Those that hold."""
    rows = yield sql(
        "select * from freezes where (cast(? as text) is null or stage = ?) "
        "and (until is null or until > ?) order by stage",
        stage,
        stage,
        time_text(at),
    )
    return [freeze_of(row) for row in rows]


def freeze(wanted: Freeze, rule: str, at: datetime) -> Script[bool]:
    """Put it in the place of one that is over."""
    rows = yield sql(
        "insert into freezes(stage, actor, reason, since, until) values(?, ?, ?, ?, ?) "
        "on conflict(stage) do update set actor = excluded.actor, reason = excluded.reason, "
        "since = excluded.since, until = excluded.until where freezes.until <= ? returning stage",
        wanted.stage,
        wanted.by.key,
        clean(wanted.reason),
        time_text(wanted.since),
        optional_time_text(wanted.until),
        time_text(at),
    )
    if rows:
        detail = _declared(wanted, rule)
        yield from _note(wanted.by, "stage.frozen", scope_of(wanted.stage), at, detail)
        yield from _wake(wanted.stage, at, "barred")
    return bool(rows)


def unfreeze(stage: StageName, by: Actor, rule: str, at: datetime) -> Script[bool]:
    """End it; whoever waits for it looks again."""
    rows = yield sql("delete from freezes where stage = ? returning stage, until", stage)
    held = any(_is_on(row, at) for row in rows)
    if held:
        yield from _note(by, "stage.unfrozen", scope_of(stage), at, {"rule": rule})
        yield from _wake(stage, at)
    return held


def locks(scope: str | None, at: datetime) -> Script[list[Lock]]:
    """Those that hold."""
    rows = yield sql(
        "select * from locks where (cast(? as text) is null or scope = ?) "
        "and (until is null or until > ?) order by scope",
        scope,
        scope,
        time_text(at),
    )
    return [lock_of(row) for row in rows]


def lock(wanted: Lock, rule: str, at: datetime) -> Script[Lock | None]:
    """Take it, or renew one's own; somebody else's that holds is answered.

    An environment is held meanwhile, as by a deletion that begins: one of the two is first.

    Raises:
        UserError: the environment is being deleted.
    """
    there = yield sql("select o.* from environments o where o.id = ? {HOLD}", wanted.scope)
    for row in there:
        if row["phase"] in _GOING:
            branch = row["branch"]
            hint = f"`show {branch}` says how far it is."
            raise UserError(f"`{branch}` is being deleted.", hint=hint)
    taken = yield sql(
        "insert into locks(scope, actor, reason, since, until) values(?, ?, ?, ?, ?) "
        "on conflict(scope) do update set actor = excluded.actor, reason = excluded.reason, "
        "since = excluded.since, until = excluded.until "
        "where locks.actor = excluded.actor or locks.until <= ? returning scope",
        wanted.scope,
        wanted.by.key,
        clean(wanted.reason),
        time_text(wanted.since),
        optional_time_text(wanted.until),
        time_text(at),
    )
    if taken:
        yield from _note(wanted.by, "scope.locked", wanted.scope, at, _declared(wanted, rule))
        yield from _wake(_stage_of(wanted.scope), at, "barred")
        return None
    rows = yield sql("select * from locks where scope = ?", wanted.scope)
    return lock_of(rows[0])


def unlock(scope: str, by: Actor, rule: str, at: datetime, *, force: bool) -> Script[Lock | None]:
    """End one's own, or anybody's; what was ended is answered."""
    rows = yield sql(
        "delete from locks where scope = ? and (actor = ? or ? = 1) returning *",
        scope,
        by.key,
        1 if force else 0,
    )
    held = [row for row in rows if _is_on(row, at)]
    if not held:
        return None
    ended = lock_of(held[0])
    detail = {"rule": rule, "by": ended.by.user}
    yield from _note(by, "scope.unlocked", scope, at, detail)
    yield from _wake(_stage_of(scope), at)
    return ended


def await_free(scope: str, who: Actor, at: datetime) -> Script[None]:
    """Remember somebody once."""
    yield sql(
        "insert into lock_waiters(scope, actor, at) values(?, ?, ?) "
        "on conflict(scope, actor) do nothing",
        scope,
        who.key,
        time_text(at),
    )


def waiting_for(scope: str, *, take: bool) -> Script[list[Actor]]:
    """In the order in which they came; `take` forgets them."""
    query = "select actor, at from lock_waiters where scope = ?"
    if take:
        query = "delete from lock_waiters where scope = ? returning actor, at"
    rows = yield sql(query, scope)
    ordered = sorted(rows, key=lambda row: (row["at"], row["actor"]))
    return [Actor.from_key(row["actor"]) for row in ordered]


def awaited() -> Script[list[str]]:
    """Scopes that somebody wants to be told about."""
    rows = yield sql("select distinct scope from lock_waiters order by scope")
    return [str(row["scope"]) for row in rows]


def holds(stage: StageName | None) -> Script[list[Hold]]:
    """Services that are held."""
    rows = yield sql(
        "select * from holds where (cast(? as text) is null or stage = ?) order by stage, service",
        stage,
        stage,
    )
    return [hold_of(row) for row in rows]


def release(
    stage: StageName, services: Collection[ServiceName], by: Actor, rule: str, at: datetime
) -> Script[list[Hold]]:
    """Let go of these, or of all."""
    rows = yield sql(
        "delete from holds where stage = ? and (? = 1 or cast(? as text) like "
        "'%,' || service || ',%') returning *",
        stage,
        0 if services else 1,
        listed(services),
    )
    gone = sorted((hold_of(row) for row in rows), key=lambda hold: hold.service)
    for hold in gone:
        about = {"service": hold.service, "rollback": promotion_name(hold.promotion)}
        yield from _note(by, "hold.released", scope_of(stage), at, {"rule": rule, **about})
    if gone:
        yield from undoing.released(gone, by, at)
        yield from _wake(stage, at)
    return gone


def _is_on(row: Row, at: datetime) -> bool:
    return row["until"] is None or row["until"] > time_text(at)


def _declared(what: Declared[str], rule: str) -> dict[str, str]:
    return {
        "rule": rule,
        "reason": what.reason,
        "until": time_text(what.until) if what.until else "",
    }


def _note(
    by: Actor, action: str, scope: str, at: datetime, detail: Mapping[str, str]
) -> Script[None]:
    said = [(name, value) for name, value in detail.items() if value]
    yield from note(by, action, "done", at, env=EnvId(scope), detail=said)


def _stage_of(scope: str) -> StageName:
    """The stage that a lock is on; of an environment a name that no stage has."""
    return StageName(scope.removeprefix(scope_of(StageName(""))))


def _wake(stage: StageName, at: datetime, what: str = "free") -> Script[None]:
    """Whatever is open looks again at once: it goes on, or its card says what is in the way."""
    rows = yield sql(
        "select op_id from promotions where stage = ? and ended_at is null "
        "and state in ('open', 'approved') order by number",
        stage,
    )
    for row in rows:
        yield from signal(OpId(row["op_id"]), DECISION, f"{what}:{time_text(at)}", {}, at)
