"""What the reaper says, as it should be and as Slack shows it: scripts, and their port."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from qbot.domain.auto_creation import Unmade
from qbot.domain.orphans import Stray
from qbot.domain.people import QBOT
from qbot.domain.ports import Clock
from qbot.domain.reaper_ports import (
    Alert,
    Fate,
    Notice,
    Question,
    Reminder,
    Said,
    Stopped,
    Warned,
)
from qbot.store.audit import note
from qbot.store.rows import document, time_of, time_text
from qbot.store.statements import Channel, Driver, Notify, Row, Script, sql

_KINDS: Mapping[str, type[Said]] = {
    "warning": Warned,
    "reminder": Reminder,
    "question": Question,
    "alert": Alert,
    "stray": Stray,
    "unmade": Unmade,
    "stopped": Stopped,
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that should be there. `fallback`: channels to try where `to` is not reached."""

    id: str
    to: str
    says: Said
    fallback: tuple[str, ...] = ()
    parent: str = ""  # the notice that it stands below
    open: bool = True


class SqlNotices:
    """Implements the ports `Notices` and `Warnings`; see there for the promises."""

    def __init__(self, driver: Driver, *, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def unmade(self, said: Unmade, channel: str) -> None:
        """A branch gets no environment."""
        at = self._clock.now()
        ident = f"unmade:{at:%Y%m%d}:{said.branch}"
        await self._driver.run(put(Draft(ident, channel, said, open=False), at))

    async def due(self, limit: int = 50) -> Sequence[Notice]:
        """Those that do not stand there as they should."""
        return await self._driver.run(_due(limit))

    async def claim(self, notice: Notice, mark: str) -> Notice | None:
        """Before it is posted."""
        return await self._driver.run(_claim(notice, mark, self._clock.now()))

    async def together(self, mark: str) -> Sequence[Notice]:
        """All that were claimed with this mark."""
        return await self._driver.run(_together(mark))

    async def free(self, notice: Notice) -> None:
        """Slack has certainly not taken it."""
        await self._driver.run(_free(notice))

    async def shown(self, notice: Notice, channel: str, ts: str) -> None:
        """It stands there."""
        await self._driver.run(_shown(notice, channel, ts, self._clock.now()))

    async def refused(self, notice: Notice, why: str, *, elsewhere: bool) -> None:
        """Slack will not take it there."""
        await self._driver.run(_refused(notice, why, self._clock.now(), elsewhere=elsewhere))

    async def lost(self, notice: Notice) -> None:
        """It does not stand there any more."""
        await self._driver.run(_lost(notice))

    async def open(self) -> Sequence[Warned]:
        """Of those that are about to go."""
        return await self._driver.run(_open())

    async def unanswered(self) -> Sequence[Question | Alert]:
        """What a human is asked or told and is not over."""
        return await self._driver.run(_unanswered())


def put(draft: Draft, at: datetime) -> Script[None]:
    """A message as it should be from now on; the same as before changes nothing.

    What was refused everywhere begins anew with whom it is for.
    """
    text = says_text(draft.says)
    changed = yield sql(
        "insert into reaper_notices(id, kind, target, fallback, says, open, version, at, parent) "
        "values(?, ?, ?, ?, ?, ?, 1, ?, ?) on conflict(id) do update set says = excluded.says, "
        "open = excluded.open, version = reaper_notices.version + 1, "
        f"target = {_anew('target')}, fallback = {_anew('fallback')} "
        "where reaper_notices.says <> excluded.says returning id",
        draft.id,
        _kind(draft.says),
        draft.to,
        " ".join(draft.fallback),
        text,
        int(draft.open),
        time_text(at),
        draft.parent,
    )
    if changed:
        yield Notify(Channel.CARDS)


def _anew(column: str) -> str:
    return (
        "case when reaper_notices.refused >= reaper_notices.version "
        f"then excluded.{column} else reaper_notices.{column} end"
    )


def says(ident: str) -> Script[Said | None]:
    """What one should say."""
    rows = yield sql("select kind, says from reaper_notices where id = ?", ident)
    return says_of(rows[0]) if rows else None


def say(ident: str, text: Said, *, open_: bool, was: str | None = None) -> Script[None]:
    """Let one that is there say something else, or only if it says, as stored, what it `was`."""
    changed = yield sql(
        "update reaper_notices set says = ?, open = ?, version = version + 1 "
        "where id = ? and says <> ? and says = coalesce(?, says) returning id",
        says_text(text),
        int(open_),
        ident,
        says_text(text),
        was,
    )
    if changed:
        yield Notify(Channel.CARDS)


def drop_below(ident: str) -> Script[None]:
    """What should stand below it and does not yet is not needed any more."""
    yield sql(
        "delete from reaper_notices where parent = ? and shown = 0 and trying_since is null", ident
    )


def forget_notices(before: datetime) -> Script[int | None]:
    """Drop what was said long ago and is over; None: there is none."""
    gone = 0
    for table, rest in (
        ("reaper_notices", "at < ? and open = 0"),
        ("reaper_questions", "asked_at < ? and answer <> 'open'"),
        ("reaper_deletions", "at < ?"),
    ):
        rows = yield sql(f"delete from {table} where {rest} returning 1 as one", time_text(before))  # noqa: S608  (constants)
        gone += len(rows)
    rows = yield sql(
        "delete from reaper_kept where at < ? and not exists (select 1 from environments e "
        "where e.id = reaper_kept.env_id and e.phase <> 'deleted') returning env_id",
        time_text(before),
    )
    return gone + len(rows) or None


def _open() -> Script[list[Warned]]:
    rows = yield sql(
        "select kind, says from reaper_notices where kind = 'warning' and open = 1 order by at, id"
    )
    found = [says_of(row) for row in rows]
    return [w for w in found if isinstance(w, Warned) and w.fate is Fate.OPEN]


def _unanswered() -> Script[list[Question | Alert]]:
    rows = yield sql(
        "select kind, says from reaper_notices where kind in ('question', 'alert') and open = 1 "
        "order by at, id"
    )
    return [said for row in rows if isinstance(said := says_of(row), Question | Alert)]


def _due(limit: int) -> Script[list[Notice]]:
    rows = yield sql(
        "select n.*, coalesce(p.ts, '') as thread, coalesce(p.channel, '') as above "
        "from reaper_notices n left join reaper_notices p on p.id = n.parent "
        "where n.version > n.shown and n.refused < n.version "
        "and (n.parent = '' or p.ts <> '') "
        # what is over before anybody saw it needs not be said
        "and not (n.kind = 'warning' and n.open = 0 and n.ts = '' and n.trying_since is null) "
        "order by n.at, n.id limit ?",
        limit,
    )
    return [_notice(row) for row in rows]


def _together(mark: str) -> Script[list[Notice]]:
    rows = yield sql(
        "select n.*, '' as thread, '' as above from reaper_notices n where n.mark = ? "
        "and n.mark <> '' order by n.at, n.id",
        mark,
    )
    return [_notice(row) for row in rows]


def _claim(notice: Notice, mark: str, at: datetime) -> Script[Notice | None]:
    """Only as it was read: of two who want to post it one does."""
    rows = yield sql(
        "update reaper_notices set trying_since = ?, mark = ? where id = ? and ts = '' "
        "and coalesce(trying_since, '') = ? returning id",
        time_text(at),
        mark,
        notice.id,
        time_text(notice.trying_since) if notice.trying_since else "",
    )
    return replace(notice, trying_since=at, mark=mark) if rows else None


def _free(notice: Notice) -> Script[None]:
    yield sql(
        "update reaper_notices set trying_since = null, mark = '' where id = ? and ts = ''",
        notice.id,
    )


def _shown(notice: Notice, channel: str, ts: str, at: datetime) -> Script[None]:
    rows = yield sql(
        "update reaper_notices set channel = ?, ts = ?, trying_since = null, "
        "shown = case when shown > ? then shown else ? end where id = ? "
        "returning version, parent",
        channel,
        ts,
        notice.version,
        notice.version,
        notice.id,
    )
    if rows and rows[0]["version"] == notice.version:
        yield from _warned(notice, at, ts)
        if notice.id.startswith("reminder:"):
            yield sql(
                "update reaper_warnings set reminded_at = ? "
                "where notice = ? and reminded_at is not null",
                time_text(at),
                rows[0]["parent"],
            )


def _refused(notice: Notice, why: str, at: datetime, *, elsewhere: bool) -> Script[None]:
    """The next channel is told, if another place helps; after the last one nobody is."""
    rows = yield sql("select fallback from reaper_notices where id = ?", notice.id)
    left = [c for row in rows for c in row["fallback"].split() if c != notice.to]
    if left and elsewhere:
        yield sql(
            "update reaper_notices set target = ?, fallback = ?, version = version + 1, "
            "mark = '', ts = '', channel = '', trying_since = null where id = ?",
            left[0],
            " ".join(left[1:]),
            notice.id,
        )
        yield Notify(Channel.CARDS)
        return
    yield sql(
        "update reaper_notices set refused = ?, trying_since = null, mark = '' where id = ?",
        notice.version,
        notice.id,
    )
    rows = yield sql("select env_id from reaper_warnings where notice = ?", notice.id)
    yield from _note(notice, rows, "refused", at, why)


def _lost(notice: Notice) -> Script[None]:
    """One that still counts is posted anew, the others are over."""
    yield sql(
        "update reaper_notices set ts = '', channel = '', mark = '', trying_since = null, "
        "shown = case when open = 1 then 0 else version end where id = ?",
        notice.id,
    )
    yield Notify(Channel.CARDS)


def _warned(notice: Notice, at: datetime, ts: str) -> Script[None]:
    """From now on its grace counts."""
    rows = yield sql(
        "update reaper_warnings set warned_at = ? where notice = ? and warned_at is null "
        "returning env_id",
        time_text(at),
        notice.id,
    )
    yield from _note(notice, rows, "done", at, ts)


def _note(
    notice: Notice, rows: Sequence[Row], outcome: str, at: datetime, where: str
) -> Script[None]:
    for row in rows:
        detail = [("to", notice.to), ("notice", notice.id), ("message", where)]
        yield from note(QBOT, "reaper.warned", outcome, at, env=row["env_id"], detail=detail)


def _notice(row: Row) -> Notice:
    return Notice(
        id=row["id"],
        to=row["target"],
        says=says_of(row),
        version=row["version"],
        channel=row["channel"] or row["above"],
        ts=row["ts"],
        thread=row["thread"],
        trying_since=time_of(row["trying_since"]),
        mark=row["mark"],
    )


@cache
def _shape(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[kind])


def _kind(said: Said) -> str:
    return next(kind for kind, shape in _KINDS.items() if isinstance(said, shape))


def says_text(said: Said) -> str:
    """As it is stored."""
    return document(_shape(_kind(said)).dump_python(said, mode="json"))


def says_of(row: Row) -> Said:
    """The inverse of `says_text`, from a row with `kind` and `says`."""
    found: Said = _shape(row["kind"]).validate_json(row["says"])
    return found
