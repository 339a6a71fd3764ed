"""The dispatcher's side of the cards: what is behind, and what Slack has been told."""

from collections.abc import Sequence

from qbot.domain.names import OpId
from qbot.domain.operation import BoardRow, CardRow
from qbot.store.rows import card_of, optional_time_text, time_of
from qbot.store.statements import Driver, Script, alone, sql


class SqlCards:
    """Implements the port `Cards`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def lead(self, worker: str, seconds: float) -> bool:
        """Take or renew the dispatcher's lease; False while another worker holds it.

        Zero seconds let go of it.
        """
        return await self._driver.run(_lead("cards", worker, seconds))

    async def behind(self) -> Sequence[CardRow]:
        """Cards whose message or end reply is missing or old; ended ones first."""
        return await self._driver.run(_behind())

    async def card(self, op: OpId) -> CardRow | None:
        """By operation."""
        return await self._driver.run(_card(op))

    async def trying(self, op: OpId, *, end: bool) -> None:
        """Written before a message (or the end reply) is posted."""
        await self._driver.run(_trying(op, end=end))

    async def posted(
        self, op: OpId, *, end: bool, channel: str, ts: str, version: int, shown_hash: str
    ) -> None:
        """Written once Slack has answered a post."""
        await self._driver.run(
            _end_posted(op, ts) if end else _posted(op, channel, ts, version, shown_hash)
        )

    async def shown(self, op: OpId, *, version: int, shown_hash: str) -> None:
        """The message shows this version now."""
        await self._driver.run(_shown(op, version, shown_hash))

    async def leave(self, op: OpId, *, version: int, end: bool) -> None:
        """Let this version, and with `end` a missing end, count as shown: Slack refuses it."""
        await self._driver.run(_leave(op, version, end=end))

    async def move(self, op: OpId, channel: str) -> None:
        """The message cannot be where it was wanted or is lost: post it anew, there."""
        await self._driver.run(_move(op, channel))

    async def running(self) -> Sequence[CardRow]:
        """Cards of all operations that have not ended, behind or not, oldest first."""
        return await self._driver.run(_running())

    async def boards(self) -> Sequence[BoardRow]:
        """Every channel's board that was ever begun."""
        return await self._driver.run(_boards())

    async def save_board(self, board: BoardRow) -> None:
        """Write one channel's board, replacing what was known of it."""
        await self._driver.run(_save_board(board))


def _lead(name: str, worker: str, seconds: float) -> Script[bool]:
    rows = yield alone(
        "insert into leases(name, holder, expires) values(?, ?, {NOW} + ?) on conflict(name) do "
        "update set holder = excluded.holder, expires = excluded.expires "
        "where leases.holder = excluded.holder or leases.expires <= {NOW} returning holder",
        name,
        worker,
        float(seconds),
    )
    return bool(rows)


def _behind() -> Script[list[CardRow]]:
    rows = yield alone(
        # Not a join: PostgreSQL takes a third of all cards for behind, and reads every operation.
        "select c.*, (select o.kind from operations o where o.id = c.op_id) as kind from cards c "
        "where c.version > c.shown or (c.ended = 1 and c.end_ts = '') "
        "order by c.ended desc, c.changed_at, c.op_id"
    )
    return [card_of(row) for row in rows]


def _running() -> Script[list[CardRow]]:
    rows = yield alone(
        "select c.*, o.kind from cards c join operations o on o.id = c.op_id "
        "where o.state in ('queued', 'ready', 'running', 'waiting') order by o.seq"
    )
    return [card_of(row) for row in rows]


def _boards() -> Script[list[BoardRow]]:
    rows = yield alone("select * from boards order by channel")
    return [
        BoardRow(
            row["channel"],
            row["ts"],
            row["shown_hash"],
            trying_since=time_of(row["trying_since"]),
        )
        for row in rows
    ]


def _save_board(board: BoardRow) -> Script[None]:
    yield alone(
        "insert into boards(channel, ts, shown_hash, trying, trying_since) "
        "values(?, ?, ?, ?, ?) on conflict(channel) do update set ts = excluded.ts, "
        "shown_hash = excluded.shown_hash, trying = excluded.trying, "
        "trying_since = excluded.trying_since",
        board.channel,
        board.ts,
        board.shown_hash,
        1 if board.trying_since else 0,
        optional_time_text(board.trying_since),
    )


def _card(op: OpId) -> Script[CardRow | None]:
    rows = yield alone(
        "select c.*, o.kind from cards c join operations o on o.id = c.op_id where c.op_id = ?", op
    )
    return card_of(rows[0]) if rows else None


def _trying(op: OpId, *, end: bool) -> Script[None]:
    if end:
        yield alone("update cards set trying_end = 1 where op_id = ?", op)
    else:
        yield alone("update cards set trying = 1 where op_id = ?", op)


def _posted(op: OpId, channel: str, ts: str, version: int, shown_hash: str) -> Script[None]:
    """The cards that this one follows can link to it from now on."""
    yield sql("update cards set version = version + 1 where followed_by = ?", op)
    yield sql(
        "update cards set posted_channel = ?, ts = ?, shown = ?, shown_hash = ?, trying = 0 "
        "where op_id = ?",
        channel,
        ts,
        version,
        shown_hash,
        op,
    )


def _end_posted(op: OpId, ts: str) -> Script[None]:
    yield alone("update cards set end_ts = ?, trying_end = 0 where op_id = ?", ts, op)


def _shown(op: OpId, version: int, shown_hash: str) -> Script[None]:
    yield alone(
        "update cards set shown = ?, shown_hash = ? where op_id = ?", version, shown_hash, op
    )


def _leave(op: OpId, version: int, *, end: bool) -> Script[None]:
    yield alone(
        "update cards set shown = ?, trying = 0, end_ts = case when ? = 1 and ended = 1 "
        "and end_ts = '' then '-' else end_ts end where op_id = ?",
        version,
        1 if end else 0,
        op,
    )


def _move(op: OpId, channel: str) -> Script[None]:
    yield alone(
        "update cards set channel = ?, posted_channel = '', ts = '', shown = 0, shown_hash = '', "
        "trying = 0 where op_id = ?",
        channel,
        op,
    )
