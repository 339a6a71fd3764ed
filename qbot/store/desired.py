"""The operations' side of the cards: what each message should show from now on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from qbot.domain.lifetime import term_of
from qbot.domain.names import EnvId, OpId
from qbot.domain.progress import Continued, End, Progress
from qbot.domain.release import Shown, StageProgress
from qbot.domain.stages import scope_of
from qbot.store import environments
from qbot.store.rows import progress_of, progress_text, term_text, time_text
from qbot.store.statements import Channel, Notify, Script, sql

_SUPERSEDED = 5
_UNFINISHED = frozenset({End.FAILED, End.CANCELLED})


def insert(progress: Shown, channel: str) -> Script[None]:
    """The first version of an operation's card."""
    yield sql(
        "insert into cards(op_id, env_id, channel, posted_channel, ts, end_ts, progress, ended, "
        "version, shown, shown_hash, trying, trying_end, superseded, changed_at) "
        "values(?, ?, ?, '', '', '', ?, 0, 1, 0, '', 0, 0, '', ?)",
        progress.op,
        scope_of(progress.stage) if isinstance(progress, StageProgress) else progress.env,
        channel,
        progress_text(progress),
        time_text(progress.updated_at),
    )
    yield Notify(Channel.CARDS)


def keep_pinned(op: OpId, env: EnvId, at: datetime) -> Script[None]:
    """The card of what begins while its environment is pinned says so."""
    found = yield from environments.without_plans(env)
    if found is not None and found.pinned_at(at):
        text = term_text(term_of(found))
        yield sql("update cards set term = ? where op_id = ?", text, op)


def missing(env: EnvId, at: datetime) -> Script[None]:
    """Its newest card says that Argo CD has nothing of it."""
    yield sql(
        "update cards set missing = 1, version = version + 1, changed_at = ? where missing = 0 "
        "and op_id = (select c.op_id from cards c join operations o on o.id = c.op_id "
        "where c.env_id = ? and c.superseded = '' and c.ended = 1 "
        "and o.kind not in ('teardown', 'job') order by o.seq desc limit 1)",
        time_text(at),
        env,
    )
    yield Notify(Channel.CARDS)


def found_again(env: EnvId, at: datetime) -> Script[None]:
    """No card of it says so any more."""
    changed = yield sql(
        "update cards set missing = 0, version = version + 1, changed_at = ? "
        "where env_id = ? and missing = 1 returning op_id",
        time_text(at),
        env,
    )
    if changed:
        yield Notify(Channel.CARDS)


def show(progress: Shown, at: datetime) -> Script[None]:
    """From now on the card should show this; an operation without a card (dry run) has none."""
    yield sql(
        "update cards set progress = ?, ended = ?, version = version + 1, changed_at = ? "
        "where op_id = ?",
        progress_text(progress),
        1 if progress.end else 0,
        time_text(at),
        progress.op,
    )
    yield Notify(Channel.CARDS)


def withdraw(op: OpId) -> Script[None]:
    """Forget a card that was never begun to be posted."""
    yield sql("delete from cards where op_id = ? and ts = '' and trying = 0", op)


def shown(op: OpId) -> Script[Shown | None]:
    """What the card shows, or is about to."""
    rows = yield sql(
        "select c.progress, o.kind from cards c join operations o on o.id = c.op_id "
        "where c.op_id = ?",
        op,
    )
    return progress_of(rows[0]) if rows else None


def edit(op: OpId, at: datetime, change: Callable[[Shown], Shown]) -> Script[None]:
    """Change what the card should show; the caller holds the operation's row."""
    old = yield from shown(op)
    if old is not None:
        new = change(old)
        if new != old:
            yield from show(replace(new, updated_at=at), at)


def close(op: OpId, note: str, at: datetime, *, followed_by: OpId) -> Script[None]:
    """One card loses its buttons and gains this sentence, and a link to the card that follows."""
    yield sql(
        "update cards set superseded = ?, followed_by = ?, version = version + 1, changed_at = ? "
        "where op_id = ?",
        note,
        followed_by,
        time_text(at),
        op,
    )
    yield Notify(Channel.CARDS)


def go_on(op: OpId, env: EnvId, by: Continued, at: datetime) -> Script[None]:
    """The environment's newest cards without success, of operations before `op`, point on to it.

    Mostly that is one card: the ones before it were continued by its operation.
    """
    rows = yield sql(
        "select c.progress, b.kind from cards c join operations b on b.id = c.op_id "
        "join operations a on a.id = ? where c.env_id = ? and b.seq < a.seq and c.ended = 1 "
        "and c.superseded = '' order by b.seq desc limit ?",
        op,
        env,
        _SUPERSEDED,
    )
    for row in rows:
        old = progress_of(row)
        if isinstance(old, Progress) and old.end in _UNFINISHED and old.continued is None:
            yield sql("update cards set followed_by = ? where op_id = ?", op, old.op)
            yield from show(replace(old, continued=by), at)


def supersede(op: OpId, env: EnvId, note: str, at: datetime) -> Script[None]:
    """The environment's newest cards of operations before `op` get this sentence.

    Each costs an edit; older ones are far up in their channel. What is not posted yet will be.
    """
    yield sql(
        "update cards set superseded = ?, version = version + 1, changed_at = ? "
        "where op_id in (select c.op_id from cards c join operations b on b.id = c.op_id "
        "join operations a on a.id = ? where c.env_id = ? and b.seq < a.seq "
        "and (c.ts <> '' or c.shown < c.version) order by b.seq desc limit ?)",
        note,
        time_text(at),
        op,
        env,
        _SUPERSEDED,
    )
    yield Notify(Channel.CARDS)
