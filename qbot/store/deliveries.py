"""What counts once: keys of deliveries, kept for some days (see `housekeeping`)."""

from datetime import datetime

from qbot.store.rows import optional_time_text, time_text
from qbot.store.statements import Script, alone, sql

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
