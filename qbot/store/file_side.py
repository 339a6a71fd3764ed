"""An SQLite file as one side of a copy."""

import os
import sqlite3
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path

from qbot.errors import PermanentError
from qbot.store.migrations import migrate
from qbot.store.shape import Table, need_newest
from qbot.store.sides import Values, quoted, select
from qbot.store.sqlite import SqliteDriver, taken

BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file
_BUSY_SECONDS = 5
_PAGE = 500


class FileSide:
    """Implements `Snapshot`, and `Landing` where it was opened to be written."""

    keeps_nul = True

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.shown = str(path)

    async def rows(self, table: Table) -> AsyncGenerator[Sequence[Values]]:
        """A page after the other."""
        cursor = self._connection.execute(select(table, "collate binary"))
        while page := cursor.fetchmany(_PAGE):
            yield page

    async def last(self, table: Table) -> int:
        """The last number given out."""
        found = self._connection.execute(
            "select seq from sqlite_sequence where name = ?", (table.name,)
        ).fetchone()
        return int(found[0]) if found else 0

    async def still(self) -> None:
        """A Qbot that comes is turned away by the lock."""

    async def write(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows."""
        marks = ", ".join("?" * len(table.columns))
        text = f"insert into {table.name}({quoted(table)}) values({marks})"
        self._connection.executemany(text, rows)

    async def count_on(self, table: Table, last: int) -> None:
        """Give out numbers after this one."""
        self._connection.execute("delete from sqlite_sequence where name = ?", (table.name,))
        self._connection.execute(
            "insert into sqlite_sequence(name, seq) values(?, ?)", (table.name, last)
        )

    async def keep(self) -> None:
        """Commit; whoever opened it moves the file to its place."""
        self._connection.execute("commit")
        sound(self._connection, self.shown)


@asynccontextmanager
async def file_source(path: Path, *, force: bool) -> AsyncGenerator[FileSide]:
    """The rows of this moment; no Qbot uses the file meanwhile, unless `force` lets it.

    Raises:
        PermanentError: there is none, it is of another version, or a Qbot uses it.
    """
    need_file(path)
    with _held(path, force=force), reading(path) as connection:
        need_newest(version_of(connection, path), str(path))
        yield FileSide(connection, path)


def need_file(path: Path) -> None:
    """SQLite would make an empty one.

    Raises:
        PermanentError: it is not there.
    """
    if not path.is_file():
        raise PermanentError(f"There is no database {path}.")


@contextmanager
def _held(path: Path, *, force: bool) -> Generator[None]:
    if force:
        yield
        return
    advice = "Stop it first. With --force, what it does from now on is not in the copy."
    with closing(taken(path, advice=advice)):
        yield


@contextmanager
def reading(path: Path) -> Generator[sqlite3.Connection]:
    """A connection that sees one moment and changes nothing; of a Qbot that runs, too.

    Raises:
        PermanentError: it is no database, or one that cannot be read.
    """
    where = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with closing(
            sqlite3.connect(where, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        ) as connection:
            connection.execute("pragma query_only = on")
            connection.execute("begin")
            connection.execute("select count(*) from sqlite_master").fetchone()
            yield connection
    except sqlite3.Error as error:
        raise PermanentError(f"cannot read the database {path}: {error}") from error


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Of the schema.

    Raises:
        PermanentError: it is none of Qbot's.
    """
    there = connection.execute(
        "select count(*) from sqlite_master where name = 'schema_versions'"
    ).fetchone()
    if not there[0]:
        raise PermanentError(f"{path} is no database of Qbot's.")
    return int(connection.execute("select max(version) from schema_versions").fetchone()[0] or 0)


def sound(connection: sqlite3.Connection, shown: str) -> None:
    """Read all of it.

    Raises:
        PermanentError: the file is damaged, or a row points to one that is not there.
    """
    found = [str(row[0]) for row in connection.execute("pragma integrity_check(3)")]
    if found != ["ok"]:
        raise PermanentError(f"{shown} is damaged: {'; '.join(found)}")
    lost = connection.execute("pragma foreign_key_check").fetchone()
    if lost is not None:
        raise PermanentError(f"{shown}: a row of {lost[0]} points to one of {lost[2]} that is gone")


@asynccontextmanager
async def file_target(path: Path) -> AsyncGenerator[FileSide]:
    """A new file, which is there whole at the end of the block or not at all.

    Raises:
        PermanentError: the file is there already, or cannot be made.
    """
    with new_file(path) as part:
        driver = await SqliteDriver.open(part)
        try:
            await driver.run(migrate(driver.dialect))
        finally:
            await driver.close()
        with writing(part, path) as connection:
            connection.execute("begin immediate")
            yield FileSide(connection, path)


@contextmanager
def writing(part: Path, path: Path) -> Generator[sqlite3.Connection]:
    """A connection to the part that is to become that file.

    Raises:
        PermanentError: the database refuses.
    """
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as connection:
            connection.execute("pragma synchronous = full")
            yield connection
    except sqlite3.Error as error:
        raise PermanentError(f"cannot write {path}: {error}") from error


@contextmanager
def new_file(path: Path) -> Generator[Path]:
    """A part that becomes the file at the end of the block, for its owner's eyes alone.

    Raises:
        PermanentError: the file is there already, or its folder is not.
    """
    if any(path.with_name(f"{path.name}{end}").exists() for end in ("", "-wal")):
        raise PermanentError(f"{path} is there already: choose another name.")
    part = path.with_name(f"{path.name}.part")
    remove(part)
    try:
        part.touch(mode=0o600)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
        settled(path.parent)
    except OSError as error:
        raise PermanentError(f"cannot write {path}: {error.strerror}") from error
    finally:
        remove(part)


def remove(path: Path) -> None:
    """The file and what SQLite and Qbot keep beside it."""
    for end in ("", *BESIDE, ".lock"):
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{end}").unlink()


def settled(folder: Path) -> None:
    """Its names outlive a loss of power, where the file system can promise that."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(opened)
    finally:
        os.close(opened)
