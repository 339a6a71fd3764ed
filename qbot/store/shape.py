"""What the newest schema looks like: tables, columns and keys, told by a database in memory."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter

from qbot.errors import PermanentError
from qbot.store.migrations import MIGRATIONS
from qbot.store.together import translated

VERSION = MIGRATIONS[-1].version
PASSING = ("workers", "leases")  # of processes that run at this moment: nobody copies these


@dataclass(frozen=True, slots=True)
class Column:
    """As SQLite declares it: `kind` is `text`, `integer`, `bigint` or `double precision`."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """`number` is the column that the database counts up by itself, or nothing."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    number: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of its columns."""
        return tuple(column.name for column in self.columns)


@cache
def tables() -> Sequence[Table]:
    """All that last, in an order in which none points to one that comes after it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for migration in MIGRATIONS:
            for statement in migration.statements("sqlite"):
                connection.execute(translated(statement))
        found = connection.execute(
            "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite_%'"
        )
        made = {name: _table(connection, name, sql) for name, sql in found}
        needs = {name: _pointed_to(connection, name) for name in made}
    order = TopologicalSorter(needs).static_order()
    return tuple(made[name] for name in order if name not in PASSING)


def need_newest(version: int, shown: str) -> None:
    """Copies are made between databases of this Qbot's own version.

    Raises:
        PermanentError: it is another one.
    """
    if version != VERSION:
        raise PermanentError(
            f"{shown} has schema version {version}, and this Qbot copies version {VERSION}. "
            "Copy with the Qbot that used it last, or start this one on it before."
        )


def need_known(version: int, shown: str) -> int:
    """The version of a database that this Qbot can use.

    Raises:
        PermanentError: a newer Qbot has been there.
    """
    if version > VERSION:
        raise PermanentError(
            f"{shown} has schema version {version}; this Qbot knows versions up to {VERSION}."
        )
    return version


def _table(connection: sqlite3.Connection, name: str, sql: str) -> Table:
    info = connection.execute("select name, type, pk from pragma_table_info(?)", (name,)).fetchall()
    columns = tuple(Column(column, kind.lower()) for column, kind, _ in info)
    key = tuple(column for column, _, place in sorted(info, key=lambda row: row[2]) if place)
    return Table(name, columns, key, key[0] if "autoincrement" in sql else "")


def _pointed_to(connection: sqlite3.Connection, name: str) -> set[str]:
    found = connection.execute('select distinct "table" from pragma_foreign_key_list(?)', (name,))
    return {table for (table,) in found}
