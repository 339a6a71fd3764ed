"""Digests that are due, and what they tell of operations: scripts, and their port."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from qbot.domain.digest import WEEK, DigestPlan, Done, DueDigest, Outcome, Speed
from qbot.domain.people import QBOT
from qbot.domain.ports import Clock
from qbot.domain.progress import Kind
from qbot.domain.trend import Past
from qbot.store.audit import note
from qbot.store.rows import time_of, time_text
from qbot.store.statements import Driver, Script, alone, listed, sql
from qbot.store.trends import past

_FIRST = timedelta(days=1)  # what a channel's first one looks back on
_KEPT = timedelta(days=30)
_AHEAD = timedelta(hours=1)  # of what time it is: clocks of replicas differ by less
_MOST = 5_000  # creations whose time is looked at
_TOLD = listed(outcome.value for outcome in Outcome if outcome.told)
_KINDS = frozenset(Kind)  # a newer replica may know more


class SqlDigests:
    """Implements the port `DigestRows`; see there for the promises."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def begin(self, plan: DigestPlan, tick: datetime, *, fresh: bool) -> None:
        """Write down that it is due."""
        await self._driver.run(_begin(plan, tick, self._clock.now(), fresh=fresh))

    async def due(self, since: datetime) -> Sequence[DueDigest]:
        """Those of ticks since then that have not ended."""
        return await self._driver.run(_due(since))

    async def claim(self, due: DueDigest) -> DueDigest | None:
        """Written before it is posted."""
        return await self._driver.run(_claim(due, self._clock.now()))

    async def free(self, due: DueDigest) -> None:
        """Slack has certainly not taken it."""
        await self._driver.run(_free(due))

    async def end(self, due: DueDigest, outcome: Outcome, ts: str = "") -> None:
        """What became of it."""
        await self._driver.run(_end(due, outcome, ts, self._clock.now()))

    async def done(self, since: datetime, until: datetime) -> Done:
        """What ended well then."""
        return await self._driver.run(_done(since, until))

    async def speed(self, now: datetime) -> Speed:
        """Of the last two weeks."""
        return await self._driver.run(_speed(now))

    async def past(self, since: datetime) -> Past:
        """All that lived or was deployed since then."""
        return await self._driver.run(past(since))


def _begin(plan: DigestPlan, tick: datetime, now: datetime, *, fresh: bool) -> Script[None]:
    """Unless it was already; what a clock wrote down that was ahead is forgotten."""
    channel, ahead = plan.channel, time_text(max(tick, now) + _AHEAD)
    rows = yield sql(
        "select max(tick) as tick, "
        "max(case when ? like '%,' || outcome || ',%' and outcome <> '' then tick end) as told "
        "from channel_digests where channel = ? and tick <= ?",
        _TOLD,
        channel,
        ahead,
    )
    last, told = time_of(rows[0]["tick"]), time_of(rows[0]["told"])
    if last is None and not fresh:
        return
    if last and (last >= tick or (plan.daily and _day(last, plan) == _day(tick, plan))):
        return
    yield sql(
        "delete from channel_digests where channel = ? and (tick < ? or tick > ?)",
        channel,
        time_text(tick - _KEPT),
        ahead,
    )
    yield sql(
        "insert into channel_digests(channel, tick, since, outcome, ts) values(?, ?, ?, '', '') "
        "on conflict(channel, tick) do nothing",
        channel,
        time_text(tick),
        time_text(told or tick - _FIRST),
    )


def _day(at: datetime, plan: DigestPlan) -> date:
    return at.astimezone(plan.zone).date()


def _due(since: datetime) -> Script[list[DueDigest]]:
    rows = yield alone(
        "select * from channel_digests where outcome = '' and tick >= ? order by tick, channel",
        time_text(since),
    )
    return [
        DueDigest(
            row["channel"],
            datetime.fromisoformat(row["tick"]),
            datetime.fromisoformat(row["since"]),
            time_of(row["trying_since"]),
        )
        for row in rows
    ]


def _claim(due: DueDigest, now: datetime) -> Script[DueDigest | None]:
    """Only as it was read: of two who want to post it one does."""
    tried = time_text(due.trying_since) if due.trying_since else ""
    rows = yield alone(
        "update channel_digests set trying_since = ? where channel = ? and tick = ? "
        "and outcome = '' and coalesce(trying_since, '') = ? returning channel",
        time_text(now),
        due.channel,
        time_text(due.tick),
        tried,
    )
    return replace(due, trying_since=now) if rows else None


def _free(due: DueDigest) -> Script[None]:
    if due.trying_since is None:
        return
    yield alone(
        "update channel_digests set trying_since = null "
        "where channel = ? and tick = ? and outcome = '' and trying_since = ?",
        due.channel,
        time_text(due.tick),
        time_text(due.trying_since),
    )


def _end(due: DueDigest, outcome: Outcome, ts: str, now: datetime) -> Script[None]:
    rows = yield sql(
        "update channel_digests set outcome = ?, ts = ? "
        "where channel = ? and tick = ? and outcome = '' returning channel",
        outcome.value,
        ts,
        due.channel,
        time_text(due.tick),
    )
    if not rows:
        return
    yield from _pass_over(due, told=outcome.told)
    if outcome is not Outcome.QUIET:
        detail = [("channel", due.channel), ("tick", time_text(due.tick)), ("rule", "digests")]
        yield from note(QBOT, "digest.posted", outcome.value, now, detail=detail)


def _pass_over(due: DueDigest, *, told: bool) -> Script[None]:
    """What this one makes of those before and after it."""
    tick = time_text(due.tick)
    yield sql(
        "update channel_digests set outcome = ? "
        "where channel = ? and tick < ? and outcome = '' and trying_since is null",
        Outcome.SKIPPED.value,
        due.channel,
        tick,
    )
    if told:
        yield sql(
            "update channel_digests set since = ? "
            "where channel = ? and tick > ? and outcome = '' and since < ?",
            tick,
            due.channel,
            tick,
            tick,
        )


def _done(since: datetime, until: datetime) -> Script[Done]:
    rows = yield alone(
        "select kind, count(*) as number from operations where outcome = 'succeeded' "
        "and env_id is not null and lock_key is not null and ended_at >= ? and ended_at < ? "
        "group by kind",
        time_text(since),
        time_text(until),
    )
    return Done({Kind(r["kind"]): int(r["number"]) for r in rows if r["kind"] in _KINDS})


def _speed(now: datetime) -> Script[Speed]:
    """By the index of kinds and outcomes, from the newest on."""
    rows = yield alone(
        "select created_at, ended_at from operations where kind = 'create' "
        "and outcome = 'succeeded' and env_id is not null and ended_at >= ? "
        "order by seq desc limit ?",
        time_text(now - 2 * WEEK),
        _MOST,
    )
    found: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        begun, ended = (datetime.fromisoformat(row[key]) for key in ("created_at", "ended_at"))
        found[ended >= now - WEEK].append((ended - begun).total_seconds())
    return Speed(found[True], found[False])
