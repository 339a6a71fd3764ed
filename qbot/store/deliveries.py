"""What counts once: keys of deliveries, kept for some days (see `housekeeping`)."""

from collections.abc import Callable
from datetime import datetime

from qbot.domain.unfinished import DoneBeforeError
from qbot.store.rows import optional_time_text, time_text
from qbot.store.statements import Script, T, alone, sql

_NOTE = "insert into deliveries(key, at) values(?, ?) on conflict(key) do nothing returning key"


def saw(key: str, at: datetime) -> Script[bool]:
    """Whether the key is new; a transaction of its own."""
    return bool((yield alone(_NOTE, key, time_text(at))))


def claim(key: str, at: datetime, stale: datetime) -> Script[bool]:
    """Whether nobody has had the key since `stale`; from now on somebody has."""
    return bool(
        (
            yield alone(
                "insert into deliveries(key, at) values(?, ?) on conflict(key) do update "
                "set at = excluded.at where deliveries.at <= ? returning key",
                key,
                time_text(at),
                time_text(stale),
            )
        )
    )


def forget(key: str, had: datetime | None) -> Script[None]:
    """The next time is the first again, unless somebody claimed it after one `had` it."""
    at = optional_time_text(had)
    yield alone("delete from deliveries where key = ? and at <= coalesce(?, at)", key, at)


def first(key: str, at: datetime) -> Script[bool]:
    """The same inside a transaction that does more."""
    return bool((yield sql(_NOTE, key, time_text(at))))


def once(key: str, at: datetime, work: Script[T], *, done: Callable[[T], bool] = bool) -> Script[T]:
    """The work, unless the delivery has done it before; one without a key may do it again.

    Work that was refused may be asked for again: `done` tells by its answer that it was not.

    Raises:
        DoneBeforeError: it was done.
    """
    if key and not (yield from first(_done(key), at)):
        raise DoneBeforeError
    answer = yield from work
    if not done(answer):
        yield sql("delete from deliveries where key = ?", _done(key))
    return answer


def was_done(key: str) -> Script[bool]:
    """Whether the delivery has done what is done `once`."""
    return bool((yield alone("select key from deliveries where key = ?", _done(key))))


def _done(key: str) -> str:
    return f"done:{key}"
