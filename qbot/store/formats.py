"""What the audit log is exported as. Each writer takes page after page and keeps none of them."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from sqlite_utils import Database
from sqlite_utils.db import Table

from qbot.errors import PermanentError
from qbot.store.export import Entry

_COLUMNS = (
    "seq", "at", "team", "user", "action", "outcome", "rule", "promotion", "operation", "scope",
    "detail",
)  # fmt: skip
_SEARCHED = ("at", "user", "action", "scope", "promotion", "operation")


class Writer(Protocol):
    """Takes entries in their order."""

    def write(self, entries: Sequence[Entry]) -> None:
        """One page."""


class JsonLines:
    """One JSON object a line."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, entries: Sequence[Entry]) -> None:
        """One page."""
        self._file.writelines(f"{_json(entry)}\n" for entry in entries)


class Csv:
    """With a line of names; `detail` is JSON."""

    def __init__(self, file: TextIO) -> None:
        self._rows = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        self._rows.writeheader()

    def write(self, entries: Sequence[Entry]) -> None:
        """One page."""
        self._rows.writerows(_flat(entry) for entry in entries)


class SqliteFile:
    """A table `audit` with indexes, as Datasette likes it; `detail` is JSON."""

    def __init__(self, database: Database) -> None:
        table = database["audit"]
        if not isinstance(table, Table):
            raise TypeError(table)
        self._table = table.create(
            {name: int if name == "seq" else str for name in _COLUMNS}, pk="seq"
        )
        for name in _SEARCHED:
            self._table.create_index([name])

    def write(self, entries: Sequence[Entry]) -> None:
        """One page."""
        self._table.insert_all(map(_flat, entries))


@contextmanager
def writer(form: str, out: Path | None, stream: TextIO) -> Iterator[Writer]:
    """Of the form `jsonl`, `csv` or `sqlite`, to a new file or else to the stream.

    Raises:
        PermanentError: the file is there already, or one is needed.
    """
    with ExitStack() as stack:
        part = stack.enter_context(_new_file(out)) if out else None
        if form == "sqlite":
            if part is None:
                raise PermanentError("A SQLite file needs a name: --out audit.db")
            database = Database(part)
            stack.callback(database.close)
            yield SqliteFile(database)
            return
        file = stack.enter_context(part.open("w", encoding="utf-8", newline="")) if part else stream
        yield JsonLines(file) if form == "jsonl" else Csv(file)


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """A file that is there whole or not at all: written beside its place, then moved there."""
    if path.exists():
        raise PermanentError(f"{path} is there already: choose another name.")
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _flat(entry: Entry) -> Entry:
    return {**entry, "detail": _json(entry["detail"])}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
