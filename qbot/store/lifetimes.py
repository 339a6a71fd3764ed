"""How long environments live, whose they are and when they were used: scripts, and their port."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from qbot.domain import lifetime
from qbot.domain.environment import Environment, Pin
from qbot.domain.lifetime import STAYING, Moved, Term
from qbot.domain.names import EnvId
from qbot.domain.operation import NewEnvironment, QuotaReached
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.domain.reaping import Goes
from qbot.store import environments, operations, warnings
from qbot.store.audit import note
from qbot.store.deliveries import first, once
from qbot.store.rows import environment_of, optional_time_text, pin_text, term_text, time_text
from qbot.store.statements import Channel, Driver, Notify, Pass, Row, Script, Turnstile, sql

_MINUTE = timedelta(minutes=1)  # uses of an environment within one are one
_CARDS = 5  # of an environment that say a new lifetime: older ones are far up in their channel
Move = Callable[[Environment], Moved]


class SqlLifetimes:
    """Implements the port `Lifetimes`; see there for the promises."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def extend(
        self, env: EnvId, by: timedelta, who: Actor, *, most: timedelta | None, rule: str, key: str
    ) -> Moved | None:
        """Let it live longer, once for each key."""
        now = self._clock.now()

        def move(found: Environment) -> Moved:
            return lifetime.extended(found, by, now=now, most=most)

        return await self._driver.run(_extended(env, by, who, rule, key, now, most, move))

    async def pin(self, env: EnvId, pin: Pin, *, rule: str, key: str = "") -> Moved | None:
        """Keep it whatever its lifetime."""
        now = self._clock.now()

        def move(found: Environment) -> Moved:
            return lifetime.pinned(found, pin, now=now)

        return await self._driver.run(once(key, now, _pinned(env, pin, rule, now, move)))

    async def unpin(self, env: EnvId, who: Actor, *, rule: str, key: str = "") -> Moved | None:
        """End that."""
        now = self._clock.now()

        def move(found: Environment) -> Moved:
            return lifetime.unpinned(found, now=now)

        unpinning = _moved(env, who, "unpin", rule, now, move)
        return await self._driver.run(once(key, now, unpinning))

    async def transfer(
        self, env: EnvId, to: Actor, who: Actor, *, limit: int, rule: str, key: str = ""
    ) -> Moved | QuotaReached | None:
        """Give it to somebody else."""
        now = self._clock.now()
        giving = _transfer(env, to, who, limit, rule, now)
        given = once(key, now, giving, done=lambda answer: isinstance(answer, Moved))
        return await self._driver.run(given)

    async def used(self, what: str, by: Actor, thing: str) -> None:
        """Somebody used it."""
        await self._driver.run(_used(what, by, thing, self._clock.now()))


def _moved(
    env: EnvId, who: Actor, verb: str, rule: str, at: datetime, move: Move
) -> Script[Moved | None]:
    """Make the move on the row as it is; what changes nothing is written down as such."""
    rows = yield sql("select o.* from environments o where o.id = ? {HOLD}", env)
    found = environment_of(rows[0], ()) if rows else None
    if found is None or found.phase not in STAYING:
        return None
    moved = move(found)
    after = moved.after
    outcome = "done" if moved.changed else "unchanged"
    detail = _detail(moved, rule)
    yield from note(who, f"environment.{verb}", outcome, at, env=env, detail=detail)
    if moved.changed:
        yield sql(
            "update environments set expires_at = ?, pin = ?, owner = ? where id = ?",
            optional_time_text(after.expires_at),
            pin_text(after.pin),
            after.owner.key,
            env,
        )
        yield from _tell_cards(env, lifetime.term_of(after), at)
    return moved


def _unmoved(found: Environment) -> Moved:
    return Moved(found, found)


def _extended(
    env: EnvId,
    by: timedelta,
    who: Actor,
    rule: str,
    key: str,
    at: datetime,
    most: timedelta | None,
    move: Move,
) -> Script[Moved | None]:
    """It lives longer, and does not go by itself before either."""
    if not (yield from first(f"extended:{key}", at)):
        move = _unmoved
    moved = yield from _moved(env, who, "extend", rule, at, move)
    if moved is not None:
        until = at + by
        last = moved.after.created_at + most if most else until
        yield from warnings.extended(env, min(until, last), at)
        yield from warnings.stays(env, "extended", who, at)
    return moved


def _pinned(env: EnvId, pin: Pin, rule: str, at: datetime, move: Move) -> Script[Moved | None]:
    """While that holds it does not go by itself."""
    moved = yield from _moved(env, pin.by, "pin", rule, at, move)
    if moved is not None:
        yield from warnings.stays(env, "pinned", pin.by, at)
    return moved


def _detail(moved: Moved, rule: str) -> Sequence[tuple[str, str]]:
    before, after = moved.before, moved.after
    facts = {
        "rule": rule,
        "from": time_text(before.ends_at) if before.ends_at else "",
        "until": time_text(after.ends_at) if after.ends_at else "",
        "pinned_until": _pinned_until(after),
        "reason": after.pin.why if after.pin else "",
    }
    if before.owner != after.owner:
        facts = {"rule": rule, "from": before.owner.key, "to": after.owner.key}
    return [(name, fact) for name, fact in facts.items() if fact]


def _pinned_until(env: Environment) -> str:
    if env.pin is None:
        return ""
    return time_text(env.pin.until) if env.pin.until else "open"


def _tell_cards(env: EnvId, term: Term, at: datetime) -> Script[None]:
    """Its newest cards say so from now on."""
    changed = yield sql(
        "update cards set term = ?, version = version + 1, changed_at = ? where op_id in "
        "(select c.op_id from cards c join operations o on o.id = c.op_id where c.env_id = ? "
        "and c.superseded = '' and o.kind not in ('teardown', 'job') "
        "order by o.seq desc limit ?) and coalesce(term, '') <> ? returning op_id",
        term_text(term),
        time_text(at),
        env,
        _CARDS,
        term_text(term),
    )
    if changed:
        yield Notify(Channel.CARDS)


def tell_goes(goes: Mapping[EnvId, Goes], at: datetime) -> Script[None]:
    """The newest cards of these say when they go, and those of all others not."""
    said = yield sql('select distinct env_id from cards where term like \'%"because":"%\'')
    for env in sorted({*goes, *(EnvId(row["env_id"]) for row in said)}):
        found = yield from environments.without_plans(env)
        if found is None or found.phase not in STAYING:
            continue
        term = lifetime.term_of(found)
        if its := goes.get(env):
            term = replace(term, goes_at=its.due_at, because=its.cause)
        yield from _tell_cards(env, term, at)


def _transfer(
    env: EnvId, to: Actor, who: Actor, limit: int, rule: str, at: datetime
) -> Script[Moved | QuotaReached | None]:
    yield Pass(Turnstile.SUBMIT)  # counting and handing over must not interleave
    found = yield from environments.without_plans(env)
    if found is not None and found.owner != to:
        theirs = yield from environments.living(to, ())
        if len(theirs) >= limit:
            detail = (("rule", rule), ("to", to.key), ("reason", "quota"))
            yield from note(who, "environment.transfer", "refused", at, env=env, detail=detail)
            return (yield from _reached(limit, to, theirs))

    def move(there: Environment) -> Moved:
        return lifetime.transferred(there, to)

    return (yield from _moved(env, who, "transfer", rule, at, move))


def over_quota(new: NewEnvironment) -> Script[QuotaReached | None]:
    """Whether one more is too many, for its owner or in all."""
    owner = new.environment.owner
    rows = yield sql("select owner from environments where phase <> 'deleted'")
    if sum(row["owner"] == owner.key for row in rows) >= new.limit_per_owner:
        holders = yield from environments.living(owner, ())
        return (yield from _reached(new.limit_per_owner, owner, holders))
    if len(rows) >= new.limit_total:
        holders = yield from environments.living(None, ())
        return (yield from _reached(new.limit_total, None, holders))
    return None


def _reached(
    limit: int, owner: Actor | None, holders: Sequence[Environment]
) -> Script[QuotaReached]:
    """Who holds the places, the longest unused first."""
    used = yield from last_used()
    since = {env.id: used.get(env.id, env.created_at) for env in holders}
    ordered = sorted(holders, key=lambda env: since[env.id])
    return QuotaReached(limit, owner, tuple(ordered), since)


def last_used() -> Script[Mapping[EnvId, datetime]]:
    """When somebody used each living environment, or its newest operation worked on it."""
    found = dict((yield from operations.last_used()))
    rows: Sequence[Row] = yield sql(
        "select id, used_at from environments where phase <> 'deleted' and used_at is not null"
    )
    for row in rows:
        env, at = EnvId(row["id"]), datetime.fromisoformat(row["used_at"])
        found[env] = max(found.get(env, at), at)
    return found


def _used(what: str, by: Actor, thing: str, at: datetime) -> Script[None]:
    """One write a minute at most, but for the first after a warning, and while it is to go.

    A thing is an operation, or an environment's id or any name.
    """
    yield sql(
        "update environments set used_at = ?, used_what = ?, used_by = ? "
        "where phase <> 'deleted' and (used_at is null or used_at <= ? "
        "or exists (select w.env_id from reaper_warnings w where w.env_id = environments.id "
        "and w.warned_at >= environments.used_at) "
        "or exists (select g.id from operations g where g.env_id = environments.id "
        "and g.kind = 'teardown' and g.state <> 'done')) and id = coalesce("
        "(select o.env_id from operations o where o.id = ?), "
        "(select e.id from environments e where e.id = ? or ((e.branch = ? or e.name = ?) "
        "and e.phase <> 'deleted') order by case when e.branch = ? then 0 else 1 end limit 1))",
        time_text(at),
        what,
        by.key,
        time_text(at - _MINUTE),
        thing,
        thing,
        thing,
        thing,
        thing,
    )
