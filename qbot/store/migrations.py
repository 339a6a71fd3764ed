"""The schema's versions in order, and how a database is brought to the newest one.

A version that was released is never edited: the next change of a table is a new entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qbot.errors import PermanentError
from qbot.store import schema
from qbot.store.statements import Pass, Script, Turnstile, patient, sql


@dataclass(frozen=True, slots=True)
class Migration:
    """One version. `sqlite` and `postgres` hold what has no common wording; they come last."""

    version: int
    common: tuple[str, ...]
    sqlite: tuple[str, ...] = ()
    postgres: tuple[str, ...] = ()

    def statements(self, dialect: str) -> tuple[str, ...]:
        """All of it for one database, in order."""
        return self.common + (self.sqlite if dialect == "sqlite" else self.postgres)


MIGRATIONS = (
    Migration(1, schema.COMMON, sqlite=schema.SQLITE, postgres=schema.POSTGRES),
    Migration(2, schema.FORGETTING),
    Migration(3, schema.RELEASES),
    Migration(4, schema.VERSIONS),
    Migration(5, schema.PLANS),
    Migration(6, schema.BOARDS),
    Migration(7, schema.MERGES),
    Migration(8, schema.SUPERSEDING),
    Migration(9, schema.LINES),
    Migration(10, schema.FOLLOWED),
    Migration(11, schema.ORIGINS),
    Migration(12, schema.ASKED),
    Migration(13, (), sqlite=schema.ASKED_BEFORE_SQLITE, postgres=schema.ASKED_BEFORE_POSTGRES),
    Migration(14, schema.GONE),
    Migration(15, schema.BACK),
    Migration(16, schema.OPEN),
    Migration(17, schema.LIFETIMES),
    Migration(18, schema.BRANCHES),
    Migration(19, schema.REAPER),
    Migration(20, schema.DIGESTS),
    Migration(21, schema.HOMES),
    Migration(22, schema.REAPED),
    Migration(23, schema.ORPHANS),
    Migration(24, schema.MORNINGS),
    Migration(25, schema.SWEPT),
    Migration(26, schema.PRESENT),
    Migration(27, schema.DOUBTS),
    Migration(28, schema.UNFINISHED),
    Migration(29, schema.IDENTITIES),
)


def migrate(dialect: str, migrations: Sequence[Migration] = MIGRATIONS) -> Script[int]:
    """Bring the tables to the newest version, in one transaction; returns how many were applied.

    Raises:
        PermanentError: a newer Qbot has been here; nothing is changed.
    """
    yield Pass(Turnstile.MIGRATE)
    yield sql("create table if not exists schema_versions(version integer primary key)")
    rows = yield sql("select max(version) as version from schema_versions")
    there = rows[0]["version"] or 0
    newest = migrations[-1].version
    if there > newest:
        raise PermanentError(
            f"The database has schema version {there}; this Qbot knows versions up to {newest}. "
            "Run the newer Qbot, or restore the backup made before the upgrade."
        )
    pending = [m for m in migrations if m.version > there]
    for migration in pending:
        for statement in migration.statements(dialect):
            yield patient(statement)
        yield sql("insert into schema_versions(version) values(?)", migration.version)
    return len(pending)
