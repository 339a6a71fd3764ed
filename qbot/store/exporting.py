"""`qbot audit export`: the database's log -> a file or a stream."""

from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from qbot.domain.grammar import duration
from qbot.errors import PermanentError, UserError
from qbot.store.export import audit_entries
from qbot.store.formats import writer


async def export(
    url: str, *, form: str, start: datetime | None, out: Path | None, stream: TextIO
) -> int:
    """Write everything from `start` on; how many entries that were.

    Raises:
        PermanentError: database or file are not as they should be.
        TransientError: the database does not answer.
    """
    count = 0
    with writer(form, out, stream) as target:
        async with aclosing(audit_entries(url, since=start)) as pages:
            async for entries in pages:
                target.write(entries)
                count += len(entries)
    return count


def moment(text: str, now: datetime) -> datetime:
    """A day or moment in ISO 8601, in UTC where it names no zone, or an age such as `30d`.

    Raises:
        PermanentError: it is neither.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    try:
        return now - duration(text, option="since")
    except UserError:
        raise PermanentError(
            f"--since {text[:40]!r} is neither a day such as 2026-11-01 nor an age such as 30d."
        ) from None
