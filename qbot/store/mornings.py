"""Who wants a digest of their own, and when: scripts, and their port."""

from collections.abc import Sequence
from datetime import datetime, time

from qbot.domain.morning import Wish
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.store.rows import time_text
from qbot.store.statements import Driver, Row, Script, alone


class SqlMornings:
    """Implements the port `MorningRows`; see there for the promises."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def wish(self, actor: Actor) -> Wish | None:
        """One person's."""
        return await self._driver.run(_wish(actor))

    async def wishes(self) -> Sequence[Wish]:
        """Everybody's."""
        return await self._driver.run(_wishes())

    async def want(self, actor: Actor, at: time, zone: str) -> Wish:
        """From now on."""
        wish = Wish(actor, at, zone, self._clock.now())
        await self._driver.run(_want(wish))
        return wish

    async def moved(self, actor: Actor, zone: str) -> None:
        """The clocks around somebody are others now."""
        await self._driver.run(_moved(actor, zone))

    async def leave(self, actor: Actor) -> bool:
        """No more."""
        return await self._driver.run(_leave(actor))


def _wish(actor: Actor) -> Script[Wish | None]:
    rows = yield alone("select * from mornings where actor = ?", actor.key)
    return _of(rows[0]) if rows else None


def _wishes() -> Script[list[Wish]]:
    rows = yield alone("select * from mornings order by actor")
    return [_of(row) for row in rows]


def _of(row: Row) -> Wish:
    return Wish(
        Actor.from_key(row["actor"]),
        time.fromisoformat(row["at"]),
        row["zone"],
        datetime.fromisoformat(row["since"]),
    )


def _want(wish: Wish) -> Script[None]:
    yield alone(
        "insert into mornings(actor, at, zone, since) values(?, ?, ?, ?) "
        "on conflict(actor) do update set at = excluded.at, zone = excluded.zone, "
        "since = excluded.since",
        wish.actor.key,
        f"{wish.at:%H:%M}",
        wish.zone,
        time_text(wish.since),
    )


def _moved(actor: Actor, zone: str) -> Script[None]:
    yield alone("update mornings set zone = ? where actor = ?", zone, actor.key)


def _leave(actor: Actor) -> Script[bool]:
    rows = yield alone("delete from mornings where actor = ? returning actor", actor.key)
    return bool(rows)
