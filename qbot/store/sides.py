"""A database as rows to be copied: what one gives, and what one takes, whichever it is."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from qbot.store.shape import Table

Values: TypeAlias = tuple[Any, ...]
"""One row, in the order of the table's columns."""


@dataclass(frozen=True, slots=True)
class Found:
    """A database that was read and is sound; `where` holds no password."""

    where: str
    version: int
    rows: int


class Snapshot(Protocol):
    """All rows as they were at one moment, in the order of their keys."""

    @property
    def shown(self) -> str:
        """Which database this is, without its password."""

    def rows(self, table: Table) -> AsyncGenerator[Sequence[Values]]:
        """A page after the other."""

    async def last(self, table: Table) -> int:
        """The last number that the database gave out for the table's key; 0: none."""

    async def still(self) -> None:
        """Nobody writes to it, or whoever asked for the copy is content with that.

        Raises:
            PermanentError: a Qbot has come to use it.
        """


class Landing(Snapshot, Protocol):
    """An empty database that takes rows, all of them or none."""

    @property
    def keeps_nul(self) -> bool:
        """Whether a text may hold the character NUL."""

    async def write(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows."""

    async def count_on(self, table: Table, last: int) -> None:
        """Give out numbers after this one."""

    async def keep(self) -> None:
        """Make it last."""


def select(table: Table, collation: str) -> str:
    """Every row, in the order of the key; texts by their bytes, as `collation` has them."""
    kinds = {column.name: column.kind for column in table.columns}
    by = (f'"{c}" {collation if kinds[c] == "text" else ""}'.strip() for c in table.key)
    return f"select {quoted(table)} from {table.name} order by {', '.join(by)}"  # noqa: S608 (names of the schema)


def quoted(table: Table) -> str:
    """The names of its columns, for a statement."""
    return ", ".join(f'"{name}"' for name in table.names)
