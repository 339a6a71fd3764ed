"""What sweeps of Argo CD have found amiss: scripts, and their port."""

from collections.abc import Collection, Sequence
from datetime import datetime

from qbot.domain.names import BranchName, EnvId
from qbot.domain.orphans import SURE, Looked, Marked, Missing, Orphan, Stray, Thing
from qbot.domain.ports import Clock
from qbot.store import desired, sweeps
from qbot.store.notices import Draft, put
from qbot.store.rows import environment_of, time_text
from qbot.store.statements import Driver, Row, Script, sql


class SqlOrphans:
    """Implements the port `Rows` of `qbot.operations.orphans`; see there for the promises."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def found(
        self, instance: str, orphans: Collection[Marked], missing: Collection[EnvId]
    ) -> None:
        """All that a sweep of one Argo CD has found."""
        await self._driver.run(_found(instance, orphans, missing, self._clock.now()))

    async def known(self) -> Stray:
        """What is sure."""
        return await self._driver.run(_known(self._clock.now()))

    async def looked(self, instances: Collection[str]) -> Looked:
        """When all of these were last swept to the end, and what is not sure of it yet."""
        return await self._driver.run(_looked(instances, self._clock.now()))

    async def tell(self, channel: str) -> bool:
        """Let the channel be told of what is sure and was not told yet; whether there was any."""
        return await self._driver.run(_tell(channel, self._clock.now()))


def _found(
    instance: str, orphans: Collection[Marked], missing: Collection[EnvId], at: datetime
) -> Script[None]:
    now = time_text(at)
    for one in orphans:
        yield sql(
            "insert into orphans(instance, thing, name, project, env_id, first_at, last_at, told) "
            "values(?, ?, ?, ?, ?, ?, ?, 0) on conflict(instance, thing, name) do update set "
            "first_at = case when orphans.env_id = excluded.env_id then orphans.first_at "
            "else excluded.first_at end, told = case when orphans.env_id = excluded.env_id "
            "then orphans.told else 0 end, env_id = excluded.env_id, project = excluded.project, "
            "last_at = excluded.last_at",
            instance,
            one.thing.value,
            one.name,
            one.project,
            one.env,
            now,
            now,
        )
    for env in missing:
        yield sql(
            "insert into missing(env_id, instance, first_at, last_at, told) values(?, ?, ?, ?, 0) "
            "on conflict(env_id) do update set last_at = excluded.last_at",
            env,
            instance,
            now,
            now,
        )
    yield sql("delete from orphans where instance = ? and last_at <> ?", instance, now)
    yield sql("delete from missing where instance = ? and last_at <> ?", instance, now)
    yield from sweeps.read(_source(instance), at)
    yield from _tell_cards(at)


def _source(instance: str) -> str:
    return f"orphans:{instance}"


def _tell_cards(at: datetime) -> Script[None]:
    sure = yield from missing_now(at)
    said = yield sql("select env_id from cards where missing = 1")
    told = {EnvId(row["env_id"]) for row in said}
    for env in sorted(told - sure):
        yield from desired.found_again(env, at)
    for env in sorted(sure - told):
        yield from desired.missing(env, at)


def _known(at: datetime, *, untold: bool = False) -> Script[Stray]:
    """What was found twice; of what somebody has worked on since, nothing is known yet."""
    told = 0 if untold else 1
    orphans = yield from _orphaned(at, told)
    missing = yield from _missing(at, told)
    return Stray(tuple(_orphan(row) for row in orphans if _is_sure(row)), tuple(missing))


def _looked(instances: Collection[str], at: datetime) -> Script[Looked]:
    """What is not sure is counted by environments, as it is shown."""
    swept = yield from sweeps.readings([_source(one) for one in instances])
    ends = [reading.at for reading in swept.values() if reading.at]
    orphans = yield from _orphaned(at, 1)
    rows = [*orphans, *(yield from _emptied(at, 1))]
    sure = {row["env_id"] for row in rows if _is_sure(row)}
    once = {row["env_id"] for row in rows} - sure
    found = yield sql("select env_id from orphans union select env_id from missing")
    busy = {row["env_id"] for row in found} - sure - once
    at_all = min(ends, default=None) if len(ends) == len(swept) else None
    return Looked(at_all, len(once), len(busy))


def _orphaned(at: datetime, told: int) -> Script[Sequence[Row]]:
    return (
        yield sql(
            "select o.*, e.branch from orphans o left join environments e on e.id = o.env_id "
            "where o.told <= ? and coalesce(e.phase, 'deleted') = 'deleted' "
            "and not exists (select 1 from operations p where p.env_id = o.env_id "
            "and coalesce(p.ended_at, ?) >= o.last_at) order by o.env_id, o.thing, o.name",
            told,
            time_text(at),
        )
    )


def _missing(at: datetime, told: int) -> Script[list[Missing]]:
    rows = yield from _emptied(at, told)
    return [
        Missing(environment_of(row, ()), datetime.fromisoformat(row["first_at"]))
        for row in rows
        if _is_sure(row)
    ]


def _emptied(at: datetime, told: int) -> Script[Sequence[Row]]:
    return (
        yield sql(
            # The cross join has SQLite read the few that are missing, not those of all time.
            "select e.*, missing.env_id, missing.first_at, missing.last_at "
            "from missing cross join environments e "
            "where e.id = missing.env_id and missing.told <= ? "
            "and e.phase in ('ready', 'failed', 'partial') and not exists "
            "(select 1 from operations p where p.env_id = missing.env_id "
            "and coalesce(p.ended_at, ?) >= missing.last_at) order by e.branch",
            told,
            time_text(at),
        )
    )


def _tell(channel: str, at: datetime) -> Script[bool]:
    new = yield from _known(at, untold=True)
    if not new.orphans and not new.missing:
        return False
    yield from put(Draft(f"orphans:{time_text(at)}", channel, new, open=False), at)
    for one in new.orphans:
        yield sql(
            "update orphans set told = 1 where instance = ? and thing = ? and name = ?",
            one.marked.instance,
            one.marked.thing.value,
            one.marked.name,
        )
    for lost in new.missing:
        yield sql("update missing set told = 1 where env_id = ?", lost.environment.id)
    return True


def missing_now(at: datetime) -> Script[set[EnvId]]:
    """Of which environments Argo CD has nothing, for lists."""
    missing = yield from _missing(at, 1)
    return {lost.environment.id for lost in missing}


def _orphan(row: Row) -> Orphan:
    marked = Marked(
        row["instance"], Thing(row["thing"]), row["name"], row["project"], EnvId(row["env_id"])
    )
    branch = BranchName(row["branch"]) if row["branch"] else None
    return Orphan(marked, datetime.fromisoformat(row["first_at"]), branch)


def _is_sure(row: Row) -> bool:
    first, last = (datetime.fromisoformat(row[name]) for name in ("first_at", "last_at"))
    return last - first >= SURE
