"""The append-only log: one row per decision and effect, in the transaction of what it tells of."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from qbot.domain.history import DEEDS, Deed
from qbot.domain.names import EnvId, OpId
from qbot.domain.operation import Operation, Submission
from qbot.domain.people import Actor
from qbot.domain.ports import Clock
from qbot.domain.stages import scope_of
from qbot.store.deliveries import first
from qbot.store.rows import document, time_text
from qbot.store.statements import Driver, Script, listed, sql

_WINDOW = 60  # seconds in which the same refusal of the same person is one row


def note(
    who: Actor,
    action: str,
    outcome: str,
    at: datetime,
    *,
    op: OpId | None = None,
    env: EnvId | None = None,
    detail: Iterable[tuple[str, str]] = (),
) -> Script[None]:
    """Add a row; `detail` holds ids and names, no secret."""
    yield sql(
        "insert into audit(at, team, user_id, op_id, env_id, action, outcome, detail) "
        "values(?, ?, ?, ?, ?, ?, ?, ?)",
        time_text(at),
        who.team,
        who.user,
        op,
        env,
        action,
        outcome,
        document(dict(detail)),
    )


def scope_id(about: Operation | Submission) -> EnvId | None:
    """What rows about it are found by: its environment, else its stage's lock key."""
    return about.env or (EnvId(scope_of(about.stage)) if about.stage else None)


def last_done(env: EnvId, actions: Collection[str]) -> Script[str | None]:
    """The newest of these actions that was done to an environment."""
    rows = yield sql(
        "select action from audit where env_id = ? and outcome = 'done' "
        "and cast(? as text) like '%,' || action || ',%' order by seq desc limit 1",
        env,
        listed(actions),
    )
    return str(rows[0]["action"]) if rows else None


def deeds(env: EnvId, limit: int) -> Script[list[Deed]]:
    """What was decided about all environments that this one's branch ever had, newest first."""
    rows = yield sql(
        "select a.at, a.team, a.user_id, a.action, a.detail from environments m "
        "join environments e on e.branch = m.branch join audit a on a.env_id = e.id "
        "where m.id = ? and a.outcome = 'done' "
        "and cast(? as text) like '%,' || a.action || ',%' order by a.seq desc limit ?",
        env,
        listed(DEEDS),
        limit,
    )
    return [
        Deed(
            row["action"],
            Actor(row["team"], row["user_id"]),
            datetime.fromisoformat(row["at"]),
            json.loads(row["detail"]),
        )
        for row in rows
    ]


class SqlAudit:
    """Implements the port `Audit`."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def turned_away(self, who: Actor, rule: str, channel: str) -> None:
        """Note a refusal; the same within the same minute is one row, over all replicas."""
        await self._driver.run(_turned_away(who, rule, channel, self._clock.now()))

    async def refused(self, who: Actor, action: str, rule: str, detail: Mapping[str, str]) -> None:
        """Note one refusal with what it was about."""
        at, told = self._clock.now(), {"rule": rule, **detail}
        await self._driver.run(note(who, action, "refused", at, detail=told.items()))

    async def repeated(self, who: Actor, action: str, detail: Mapping[str, str]) -> None:
        """Note that somebody said the same again, which changes nothing."""
        at = self._clock.now()
        await self._driver.run(note(who, action, "unchanged", at, detail=detail.items()))


def _turned_away(who: Actor, rule: str, channel: str, at: datetime) -> Script[None]:
    window = int(at.timestamp()) // _WINDOW
    if (yield from first(f"refused:{who.key}:{rule}:{window}", at)):
        detail = (("rule", rule), ("channel", channel))
        yield from note(who, "request.received", "refused", at, detail=detail)
