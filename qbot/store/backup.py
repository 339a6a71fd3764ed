"""An SQLite file: a copy of it while Qbot runs, and putting one back."""

import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from qbot.errors import PermanentError
from qbot.store.file_side import (
    BESIDE,
    need_file,
    new_file,
    reading,
    remove,
    settled,
    sound,
    version_of,
    writing,
)
from qbot.store.shape import need_known, tables
from qbot.store.sides import Found
from qbot.store.sqlite import taken

_SUM = "select count(*) from "


def checked(path: Path) -> Found:
    """Read all of a file; a Qbot may be using it.

    Raises:
        PermanentError: it is not there, not Qbot's, damaged, or a newer Qbot's.
    """
    need_file(path)
    with reading(path) as connection:
        version = need_known(version_of(connection, path), str(path))
        sound(connection, str(path))
        return Found(str(path), version, _rows(connection))


def _rows(connection: sqlite3.Connection) -> int:
    there = {n for (n,) in connection.execute("select name from sqlite_master where type='table'")}
    names = [table.name for table in tables() if table.name in there]
    return sum(connection.execute(f"{_SUM}{name}").fetchone()[0] for name in names)


def back_up(path: Path, out: Path) -> Found:
    """Write the file as it is at this moment into a new one; a Qbot may be using it.

    Raises:
        PermanentError: `path` is not there or damaged, or `out` is there.
    """
    checked(path)
    with new_file(out) as part:
        with reading(path) as connection, writing(part, out) as target:
            connection.backup(target)
            target.execute("pragma journal_mode = delete")  # one file, and no other beside it
        found = checked(part)
    return Found(str(out), found.version, found.rows)


def restore(backup: Path, path: Path, now: datetime) -> tuple[Found, Path | None]:
    """Put a backup in the place of a file that nobody uses; a kill leaves the one or the other.

    Returns:
        What is there now, and where that is which was there before.

    Raises:
        PermanentError: the backup is no sound database, or somebody uses the file.
    """
    advice = "Stop it first: what it does from now on would be lost."
    with closing(taken(path, advice=advice)):
        new = path.with_name(f"{path.name}.restored")
        if new.resolve() != backup.resolve():
            remove(new)  # left by a restore that was killed
        if path.exists():
            _without_log(path)
        found = back_up(backup, new)
        before = _set_aside(path, now) if path.exists() else None
        new.replace(path)
        settled(path.parent)
        return Found(str(path), found.version, found.rows), before


def _set_aside(path: Path, now: datetime) -> Path:
    """Under another name as well; of a file that is no database any more what is beside it, too."""
    aside = path.with_name(f"{path.name}.{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    there = [end for end in ("", *BESIDE) if path.with_name(f"{path.name}{end}").exists()]
    try:
        for end in there:
            os.link(path.with_name(f"{path.name}{end}"), aside.with_name(f"{aside.name}{end}"))
    except OSError as error:
        raise PermanentError(
            f"cannot keep {path} as {aside.name}: {error.strerror}. Move it away, then restore."
        ) from error
    settled(path.parent)
    for end in there[1:]:  # SQLite would take them for the new file's
        path.with_name(f"{path.name}{end}").unlink()
    return aside


def _without_log(path: Path) -> None:
    """What is in its log goes into the file, so that it is whole under any name."""
    busy = False
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection,
    ):
        connection.execute("select count(*) from sqlite_master").fetchone()
        busy = bool(connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0])
    if busy:
        raise PermanentError(f"Another program reads {path}. End it first.")
