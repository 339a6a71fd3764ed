"""`qbot store copy`: every row of one database into an empty one, compared before it counts."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass
from hashlib import sha256

from qbot.errors import PermanentError
from qbot.store.file_side import file_source, file_target
from qbot.store.shape import Table, tables
from qbot.store.sides import Landing, Snapshot, Values
from qbot.store.urls import file_of, needs_extra

_NUL, REPLACED = "\0", "\N{REPLACEMENT CHARACTER}"
_RANGES = {"integer": 2**31, "bigint": 2**63}


@dataclass(frozen=True, slots=True)
class Copied:
    """One table. `replaced`: its texts that held a NUL where the target can keep none."""

    table: str
    rows: int
    checksum: str
    replaced: int


async def copy(source: str, target: str, *, force: bool) -> Sequence[Copied]:
    """Copy all that lasts; the target has everything at the end, or no row.

    Args:
        source: URL, as `open_store` takes it. What is there stays as it is.
        target: URL of an empty database, or of a file that is not there.
        force: also from a database that a Qbot uses.

    Raises:
        TransientError: a server does not answer.
        PermanentError: a database is not as it should be; its password shows nowhere.
    """
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(_source(source, force=force))
        landing = await stack.enter_async_context(_target(target))
        for table in tables():
            await _carry(origin, landing, table)
        done = [await compared(origin, landing, table) for table in tables()]
        await origin.still()
        await landing.keep()
    return done


def _source(url: str, *, force: bool) -> AbstractAsyncContextManager[Snapshot]:
    if path := file_of(url):
        return file_source(path, force=force)
    try:
        from qbot.store.server_side import server_source  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise needs_extra() from error
    return server_source(url, force=force)


def _target(url: str) -> AbstractAsyncContextManager[Landing]:
    if path := file_of(url):
        return file_target(path)
    try:
        from qbot.store.server_side import server_target  # noqa: PLC0415  (an optional extra)
    except ImportError as error:
        raise needs_extra() from error
    return server_target(url)


async def _carry(origin: Snapshot, landing: Landing, table: Table) -> None:
    async with aclosing(origin.rows(table)) as pages:
        async for page in pages:
            rows = [fitted(table, row, keeps_nul=landing.keeps_nul) for row in page]
            await landing.write(table, rows)
    if table.number and (last := await origin.last(table)):
        await landing.count_on(table, last)


def fitted(table: Table, row: Values, *, keeps_nul: bool) -> Values:
    """The row as the target can keep it: a NUL in a text is shown as U+FFFD.

    Raises:
        PermanentError: a number is too big for it, or a key has a NUL; names the row by its key.
    """
    for column, value in zip(table.columns, row, strict=True):
        most = _RANGES.get(column.kind)
        if most and isinstance(value, int) and not -most <= value < most:
            raise _unfit(table, column.name, row, f"a number too big for {column.kind}")
        if column.name in table.key and not keeps_nul and _NUL in str(value):
            raise _unfit(table, column.name, row, "a NUL, which PostgreSQL cannot keep")
    if keeps_nul:
        return row
    return tuple(v.replace(_NUL, REPLACED) if isinstance(v, str) else v for v in row)


def _unfit(table: Table, column: str, row: Values, what: str) -> PermanentError:
    return PermanentError(f"{table.name}.{column} of row {_named(table, row)} has {what}")


async def compared(origin: Snapshot, landing: Landing, table: Table) -> Copied:
    """Row by row, each as the target gives it back.

    Raises:
        PermanentError: one is missing, too many or different.
    """
    count, replaced, checksum = 0, 0, sha256()
    async with aclosing(_each(origin, table)) as left, aclosing(_each(landing, table)) as right:
        async for row in left:
            wanted = fitted(table, row, keeps_nul=landing.keeps_nul)
            found = await anext(right, None)
            if found != wanted:
                raise _differs(table, wanted)
            count, replaced = count + 1, replaced + (wanted != row)
            checksum.update(json.dumps(found).encode())
        if (more := await anext(right, None)) is not None:
            raise _differs(table, more)
    if table.number and await origin.last(table) != await landing.last(table):
        raise PermanentError(f"{table.name}: the copy would count on from another number")
    return Copied(table.name, count, checksum.hexdigest()[:16], replaced)


async def _each(side: Snapshot, table: Table) -> AsyncGenerator[Values]:
    async with aclosing(side.rows(table)) as pages:
        async for page in pages:
            for row in page:
                yield tuple(row)


def _differs(table: Table, row: Values) -> PermanentError:
    named = _named(table, row)
    return PermanentError(f"{table.name}: row {named} is not the same in the copy: none is kept")


def _named(table: Table, row: Values) -> str:
    """By its key, cut short: what is outside of it is nobody's business."""
    pairs = zip(table.names, row, strict=True)
    return ", ".join(repr(value)[:80] for name, value in pairs if name in table.key)
