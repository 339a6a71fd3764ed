"""Where a database is: a file of SQLite's or a server."""

from pathlib import Path

from qbot.errors import PermanentError

SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def file_of(url: str) -> Path | None:
    """The file of `sqlite:///relative` or `sqlite:////absolute`; None: it is a PostgreSQL's.

    Raises:
        PermanentError: it is neither.
    """
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        return Path(url.removeprefix(SQLITE))
    if url.startswith(_POSTGRES):
        return None
    raise PermanentError(
        "QBOT_DATABASE_URL must be sqlite:///path/to/file or postgresql://user@host/database"
    )


def shown(url: str) -> str:
    """A file's path, or host, port and database: what a person may see of a URL."""
    if url.startswith(SQLITE):
        return url.removeprefix(SQLITE)
    where, _, options = url.partition("://")[2].partition("?")
    if "@" not in where and "@" in options:  # a password may have a question mark
        return "PostgreSQL"
    where = where.rpartition("@")[2]
    return f"localhost{where}" if not where or where.startswith("/") else where


def needs_extra() -> PermanentError:
    """The library for PostgreSQL is not there."""
    return PermanentError("PostgreSQL needs the extra `postgres`: pip install 'qbot[postgres]'")
