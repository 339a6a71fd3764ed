"""Whether somebody has stopped the reaper: scripts, and their port."""

from collections.abc import Mapping
from datetime import datetime

from qbot.domain.brake import Pause
from qbot.domain.names import EnvId
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.domain.reaper_ports import Stopped
from qbot.domain.reaping import Goes
from qbot.store import notices
from qbot.store.audit import note
from qbot.store.deliveries import once
from qbot.store.lifetimes import tell_goes
from qbot.store.rows import clean, time_text
from qbot.store.statements import Driver, Row, Script, sql


class SqlReaper:
    """Implements the ports `Pauses` and `Cards` of the reaper; see there for the promises."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def paused(self) -> Pause | None:
        """By whom, since when and why."""
        return await self._driver.run(_paused())

    async def pause(
        self, who: Actor, reason: str, *, rule: str, channel: str = "", key: str = ""
    ) -> tuple[Pause, bool]:
        """Stop it."""
        pause = Pause(who, self._clock.now(), reason)
        return await self._driver.run(once(key, pause.since, _pause(pause, rule, channel)))

    async def resume(self, who: Actor, *, rule: str, key: str = "") -> Pause | None:
        """Let it go on."""
        now = self._clock.now()
        return await self._driver.run(once(key, now, _resume(who, rule, now)))

    async def tell(self, goes: Mapping[EnvId, Goes]) -> None:
        """Cards say who goes and when."""
        await self._driver.run(tell_goes(goes, self._clock.now()))


def _paused() -> Script[Pause | None]:
    rows = yield sql("select * from reaper_pause")
    return _of(rows[0]) if rows else None


def _pause(wanted: Pause, rule: str, channel: str) -> Script[tuple[Pause, bool]]:
    """Whoever is told so knows that nothing begins to go from then on."""
    yield sql("select o.id from environments o where o.phase <> 'deleted' order by o.id {HOLD}")
    added = yield sql(
        "insert into reaper_pause(one, actor, reason, since) values(1, ?, ?, ?) "
        "on conflict(one) do nothing returning one",
        wanted.by.key,
        clean(wanted.reason),
        time_text(wanted.since),
    )
    detail = [("rule", rule), *([("reason", wanted.reason)] if wanted.reason else [])]
    outcome = "done" if added else "unchanged"
    yield from note(wanted.by, "reaper.paused", outcome, wanted.since, detail=detail)
    rows = yield sql("select * from reaper_pause")
    pause = _of(rows[0])
    if added and channel:
        said = Stopped(pause.by, pause.since, pause.reason)
        yield from notices.put(notices.Draft(_notice(pause), channel, said), wanted.since)
    return pause, bool(added)


def _resume(who: Actor, rule: str, at: datetime) -> Script[Pause | None]:
    rows = yield sql("delete from reaper_pause returning *")
    outcome = "done" if rows else "unchanged"
    detail = [("rule", rule), *((("by", row["actor"])) for row in rows)]
    yield from note(who, "reaper.resumed", outcome, at, detail=detail)
    if not rows:
        return None
    pause = _of(rows[0])
    said = Stopped(pause.by, pause.since, pause.reason, who, at)
    yield from notices.say(_notice(pause), said, open_=False)
    return pause


def _notice(pause: Pause) -> str:
    return f"pause:{time_text(pause.since)}"


def _of(row: Row) -> Pause:
    return Pause(Actor.from_key(row["actor"]), datetime.fromisoformat(row["since"]), row["reason"])
