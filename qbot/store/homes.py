"""Who looks at their App Home: scripts, and their port."""

from collections.abc import Sequence
from datetime import datetime

from qbot.domain.home import KEPT, Viewer
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.store.rows import time_of, time_text
from qbot.store.statements import Channel, Driver, Notify, Script, alone, sql


class SqlHomes:
    """Implements the port `HomeRows`; see there for the promises."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def opened(self, actor: Actor) -> None:
        """Somebody looks at it now."""
        await self._driver.run(_opened(actor, self._clock.now()))

    async def viewers(self) -> Sequence[Viewer]:
        """Who opened it within `KEPT`."""
        return await self._driver.run(_viewers(self._clock.now()))

    async def shown(self, viewer: Viewer, shown_hash: str) -> None:
        """Slack took it."""
        await self._driver.run(_shown(viewer, shown_hash, self._clock.now()))

    async def still(self, viewer: Viewer) -> None:
        """What Slack shows will do for this opening."""
        await self._driver.run(_still(viewer))

    async def leave(self, actor: Actor) -> None:
        """Slack does not take it."""
        await self._driver.run(_leave(actor))


def _opened(actor: Actor, at: datetime) -> Script[None]:
    yield sql("delete from homes where opened_at < ?", time_text(at - KEPT))
    yield sql(
        "insert into homes(actor, opened_at, answered, shown_hash) values(?, ?, 0, '') "
        "on conflict(actor) do update set opened_at = excluded.opened_at, answered = 0",
        actor.key,
        time_text(at),
    )
    yield Notify(Channel.CARDS)


def _viewers(now: datetime) -> Script[list[Viewer]]:
    rows = yield alone(
        "select * from homes where opened_at >= ? order by answered, coalesce(shown_at, ''), actor",
        time_text(now - KEPT),
    )
    return [
        Viewer(
            Actor.from_key(row["actor"]),
            datetime.fromisoformat(row["opened_at"]),
            answered=bool(row["answered"]),
            shown_hash=row["shown_hash"],
            shown_at=time_of(row["shown_at"]),
        )
        for row in rows
    ]


def _shown(viewer: Viewer, shown_hash: str, at: datetime) -> Script[None]:
    yield alone(
        "update homes set shown_hash = ?, shown_at = ?, "
        "answered = case when opened_at = ? then 1 else 0 end where actor = ?",
        shown_hash,
        time_text(at),
        time_text(viewer.opened_at),
        viewer.actor.key,
    )


def _still(viewer: Viewer) -> Script[None]:
    yield alone(
        "update homes set answered = 1 where actor = ? and opened_at = ?",
        viewer.actor.key,
        time_text(viewer.opened_at),
    )


def _leave(actor: Actor) -> Script[None]:
    yield alone("delete from homes where actor = ?", actor.key)
