"""Deliveries that were acknowledged before they were done: scripts, and their port."""

from collections.abc import Sequence
from datetime import datetime

from qbot.domain.unfinished import Came
from qbot.store.rows import time_text
from qbot.store.statements import Driver, Script, alone


class SqlUnfinished:
    """Implements the port `UnfinishedRows`; see there for the promises."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def keep(self, came: Came, worker: str) -> bool:
        """This worker is at it; whether nobody was before."""
        return await self._driver.run(_keep(came, worker))

    async def done(self, key: str) -> None:
        """It is over."""
        await self._driver.run(_done(key))

    async def left(self, worker: str) -> Sequence[Came]:
        """What nobody living is at."""
        return await self._driver.run(_left(worker))


def _keep(came: Came, worker: str) -> Script[bool]:
    rows = yield alone(
        "insert into unfinished(key, way, body, at, worker) values(?, ?, ?, ?, ?) "
        "on conflict(key) do nothing returning key",
        came.key,
        came.way,
        came.body,
        time_text(came.at),
        worker,
    )
    return bool(rows)


def _done(key: str) -> Script[None]:
    yield alone("delete from unfinished where key = ?", key)


def _left(worker: str) -> Script[list[Came]]:
    """Of two that look at the same time one gets the row: the other finds it taken."""
    rows = yield alone(
        "update unfinished set worker = ? where worker <> ? and not exists (select 1 "
        "from workers w where w.id = unfinished.worker and w.expires > {NOW}) returning *",
        worker,
        worker,
    )
    found = [
        Came(row["key"], row["way"], row["body"], datetime.fromisoformat(row["at"])) for row in rows
    ]
    return sorted(found, key=lambda came: came.at)
