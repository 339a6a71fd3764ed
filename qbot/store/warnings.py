"""Who was warned of what, and what people keep: scripts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter

from qbot.domain.environment import Environment, Phase
from qbot.domain.lifetime import STAYING
from qbot.domain.names import EnvId
from qbot.domain.operation import Going
from qbot.domain.people import QBOT, Actor
from qbot.domain.reaper_ports import Fate, Reminder, Warned
from qbot.domain.reaper_rows import Told
from qbot.domain.reaping import Cause, Goes, Kept
from qbot.store import environments, notices
from qbot.store.audit import note
from qbot.store.rows import document, time_of, time_text
from qbot.store.statements import Row, Script, sql

_TOLD_OF = (
    "select w.*, coalesce(n.refused, 0) >= coalesce(n.version, 1) as unheard, "
    # one whose warning is lost and is taken nowhere any more has no place to come to
    "r.parent is not null and (n.ts <> '' or n.refused < n.version) as reminder_waits "
    "from reaper_warnings w left join reaper_notices n on n.id = w.notice "
    "left join (select distinct parent from reaper_notices where id like 'reminder:%' "
    "and shown = 0 and refused < version) r on r.parent = w.notice"
)
Causes = dict[str, str]  # a cause -> up to when it was kept


def told() -> Script[dict[EnvId, Told]]:
    """Of whom."""
    rows = yield sql(f"{_TOLD_OF} order by w.env_id")
    return {EnvId(row["env_id"]): _told(row) for row in rows}


def going() -> Script[dict[EnvId, Going]]:
    """Whose owners read that it goes, and nothing newer."""
    rows = yield sql(
        "select warned.env_id, n.id, n.kind, n.says from reaper_warnings warned join "
        "reaper_notices n on n.id = warned.notice and n.open = 1 where warned.warned_at is not null"
    )
    said = {EnvId(row["env_id"]): notices.says_of(row) for row in rows}
    return {
        env: Going(one.goes.due_at, one.goes.cause, one.held)
        for env, one in said.items()
        if isinstance(one, Warned)
    }


def told_of(env: EnvId) -> Script[Told | None]:
    """Of one."""
    rows = yield sql(f"{_TOLD_OF} where w.env_id = ?", env)
    return _told(rows[0]) if rows else None


def kept() -> Script[dict[EnvId, Kept]]:
    """What people said of living ones."""
    rows = yield sql(
        "select k.* from reaper_kept k join environments e on e.id = k.env_id "
        "and e.phase <> 'deleted'"
    )
    return {EnvId(row["env_id"]): _kept(row) for row in rows}


def kept_of(env: EnvId) -> Script[Kept]:
    """Of one."""
    rows = yield sql("select * from reaper_kept where env_id = ?", env)
    return _kept(rows[0]) if rows else Kept()


def warn(
    env: Environment,
    goes: Goes,
    fallback: tuple[str, ...],
    at: datetime,
    planned: datetime | None = None,
) -> Script[None]:
    """Have the owner told; what was told before of the same cause says so anew.

    But for what was told after the plan was made: another replica was faster, and it counts.
    An edit notifies nobody, so a reply tells of it, one in an hour at most.
    """
    yield sql("select o.id from environments o where o.id = ? {HOLD}", env.id)
    before = yield sql(f"{_TOLD_OF} where w.env_id = ?", env.id)
    same = bool(before) and _told(before[0]).is_of(env, goes)
    shown = _told(before[0]).at if same else None
    if planned and shown and shown > planned:
        return
    if before and not same:
        yield from _void(env.id, "", None, Fate.NEWER)
    ident = before[0]["notice"] if same else f"warning:{env.id}:{goes.cause}:{at:%Y%m%dT%H%M%S%fZ}"
    says = Warned(env.id, env.name, env.branch, env.owner, goes, at_once=not goes.grace)
    yield sql(
        "insert into reaper_warnings(env_id, owner, cause, since, due_at, notice) "
        "values(?, ?, ?, ?, ?, ?) on conflict(env_id) do update set since = excluded.since, "
        "due_at = excluded.due_at, warned_at = null, reminded_at = null",
        env.id,
        env.owner.key,
        goes.cause.value,
        time_text(goes.since),
        time_text(goes.due_at),
        ident,
    )
    yield from notices.put(notices.Draft(ident, env.owner.user, says, fallback), at)
    if same and _told(before[0]).at is not None:
        yield from notices.drop_below(ident)
        reply = _below(ident, "again", f"{at:%Y%m%dT%HZ}", Reminder(says, again=True))
        yield from notices.put(reply, at)
    detail = [("rule", goes.rule), ("cause", goes.cause.value), ("due", time_text(goes.due_at))]
    yield from note(QBOT, "reaper.warn", "done", at, env=env.id, detail=detail)


def remind(env: Environment, goes: Goes, at: datetime) -> Script[None]:
    """Once for each time at which it would go."""
    rows = yield sql(
        "update reaper_warnings set reminded_at = ? where env_id = ? and reminded_at is null "
        "returning notice",
        time_text(at),
        env.id,
    )
    for row in rows:
        says = Warned(env.id, env.name, env.branch, env.owner, goes)
        draft = _below(row["notice"], "reminder", f"{at:%Y%m%dT%H%M%SZ}", Reminder(says))
        yield from notices.put(draft, at)
        detail = [("rule", goes.rule), ("due", time_text(goes.due_at))]
        yield from note(QBOT, "reaper.remind", "done", at, env=env.id, detail=detail)


def held(whys: Mapping[EnvId, str]) -> Script[None]:
    """Those that are open say why they stay for now, if they do."""
    rows = yield sql(
        "select w.env_id, n.id, n.kind, n.says from reaper_warnings w "
        "join reaper_notices n on n.id = w.notice and n.open = 1"
    )
    for row in rows:
        said, why = notices.says_of(row), whys.get(EnvId(row["env_id"]), "")
        if isinstance(said, Warned) and said.held != why:
            yield from notices.say(row["id"], replace(said, held=why), open_=True, was=row["says"])


def _below(parent: str, kind: str, when: str, says: Reminder) -> notices.Draft:
    """A reply to a warning."""
    to = says.warned.owner.user
    return notices.Draft(f"{kind}:{parent}:{when}", to, says, parent=parent, open=False)


def stays(env: EnvId, why: str, by: Actor | None, at: datetime) -> Script[Warned | None]:
    """The warning is void; what it says now. None: there was none."""
    said = yield from _void(env, why, by)
    if said is not None:
        detail = [("why", why)]
        yield from note(by or QBOT, "reaper.warning-void", "done", at, env=env, detail=detail)
    return said


def moved(env: EnvId, phase: Phase, who: Actor) -> Script[None]:
    """Somebody has it deleted, or the reaper has: the warning says so as it happens."""
    fates = {Phase.DELETING: Fate.GOING, Phase.DELETED: Fate.GONE}
    if fate := fates.get(phase):
        yield from fated(env, fate, None if who == QBOT else who)


def fated(env: EnvId, fate: Fate, by: Actor | None = None) -> Script[None]:
    """The warning says what becomes of it, and who wanted that."""
    rows = yield sql("select notice from reaper_warnings where env_id = ?", env)
    for row in rows:
        said = yield from notices.says(row["notice"])
        yield from notices.drop_below(row["notice"])
        if isinstance(said, Warned):
            yield from notices.say(row["notice"], replace(said, fate=fate, by=by), open_=False)
    if fate is Fate.GONE:
        yield sql("delete from reaper_warnings where env_id = ?", env)


def restored(env: EnvId, by: Actor) -> Script[None]:
    """What its owner reads of its deletion is not the last word any more."""
    rows = yield sql(
        "select id, kind, says from reaper_notices where kind = 'warning' and id like ?",
        f"warning:{env}:%",
    )
    for row in rows:
        said = notices.says_of(row)
        if isinstance(said, Warned) and said.fate is Fate.GONE:
            now = replace(said, fate=Fate.RESTORED, by=by)
            yield from notices.say(row["id"], now, open_=False)


def keep(env: EnvId, who: Actor, rule: str, at: datetime) -> Script[Warned | None]:
    """The cause that its owner was warned of counts no more."""
    rows = yield sql("select * from reaper_warnings where env_id = ?", env)
    there = yield from _staying(env)
    if there is None:
        return None
    for row in rows:
        before = yield from kept_of(env)
        causes: Causes = {cause.value: time_text(by) for cause, by in before.causes}
        causes[row["cause"]] = time_text(at)
        yield sql(
            "insert into reaper_kept(env_id, causes, at) values(?, ?, ?) on conflict(env_id) "
            "do update set causes = excluded.causes, at = excluded.at",
            env,
            document(causes),
            time_text(at),
        )
    detail = [("rule", rule), *(("cause", row["cause"]) for row in rows)]
    yield from note(who, "environment.keep", "done", at, env=env, detail=detail)
    return (yield from _answered(there, "kept", who, at))


def until_merge(env: EnvId, who: Actor, rule: str, at: datetime) -> Script[Warned | None]:
    """Only what GitLab says of its branch counts from now on."""
    if (there := (yield from _staying(env))) is None:
        return None
    yield sql(
        "insert into reaper_kept(env_id, until_merge, at) values(?, 1, ?) on conflict(env_id) "
        "do update set until_merge = 1, at = excluded.at",
        env,
        time_text(at),
    )
    detail = [("rule", rule)]
    yield from note(who, "environment.until-merge", "done", at, env=env, detail=detail)
    return (yield from _answered(there, "until its branch is merged", who, at))


def extended(env: EnvId, until: datetime, at: datetime) -> Script[None]:
    """It does not go before; an earlier promise that is longer stays."""
    yield sql(
        "insert into reaper_kept(env_id, until, at) values(?, ?, ?) on conflict(env_id) "
        "do update set at = excluded.at, until = case when reaper_kept.until > excluded.until "
        "then reaper_kept.until else excluded.until end",
        env,
        time_text(until),
        time_text(at),
    )


def _staying(env: EnvId) -> Script[Environment | None]:
    """Held until the transaction ends; None: it goes or is gone."""
    yield sql("select o.id from environments o where o.id = ? {HOLD}", env)
    there = yield from environments.without_plans(env)
    return there if there is not None and there.phase in STAYING else None


def _answered(env: Environment, why: str, who: Actor, at: datetime) -> Script[Warned | None]:
    """What the warning says now; where there is none any more, as if there were."""
    said = yield from _void(env.id, why, who)
    goes = Goes(env.id, Cause.IDLE, at, at, "")
    blank = Warned(env.id, env.name, env.branch, env.owner, goes, Fate.STAYS, why, who)
    return said or blank


def _void(env: EnvId, why: str, by: Actor | None, fate: Fate = Fate.STAYS) -> Script[Warned | None]:
    rows = yield sql("delete from reaper_warnings where env_id = ? returning notice", env)
    for row in rows:
        said = yield from notices.says(row["notice"])
        yield from notices.drop_below(row["notice"])
        if isinstance(said, Warned):
            now = replace(said, fate=fate, why=why, by=by)
            yield from notices.say(row["notice"], now, open_=False)
            return now
    return None


def _told(row: Row) -> Told:
    return Told(
        owner=Actor.from_key(row["owner"]),
        cause=Cause(row["cause"]),
        since=datetime.fromisoformat(row["since"]),
        due_at=datetime.fromisoformat(row["due_at"]),
        at=time_of(row["warned_at"]),
        reminded_at=time_of(row["reminded_at"]),
        unheard=bool(row["unheard"]),
        reminder_waits=bool(row["reminder_waits"]),
    )


def _kept(row: Row) -> Kept:
    causes = _causes().validate_json(row["causes"])
    return Kept(
        until=time_of(row["until"]),
        causes=tuple((Cause(c), datetime.fromisoformat(by)) for c, by in sorted(causes.items())),
        until_merge=bool(row["until_merge"]),
    )


@cache
def _causes() -> TypeAdapter[Causes]:
    return TypeAdapter(Causes)
