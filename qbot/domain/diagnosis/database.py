"""The database: reachable, of this version, and with room. Pure."""

from dataclasses import dataclass

from qbot.domain.diagnosis.findings import Area, Notes, Unread

_MEGABYTE = 1024**2
_FULL, _TIGHT = 100 * _MEGABYTE, 1024 * _MEGABYTE
_OLDEST_POSTGRES = 14  # the oldest that PostgreSQL itself still keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What was read. What is of one kind of database is None with the other.

    Attributes:
        where: for people; no password is in it.
        schema: the version of the tables; None: there are none yet.
        newest: the version that this Qbot makes.
        writable: whether Qbot may write there, tables included.
        free: bytes on the disk of a SQLite file.
        wal: whether SQLite writes a log ahead, so that readers hold nobody up.
        server: PostgreSQL's version, its first number.
        standby: whether that server takes no writes.
    """

    where: str
    schema: int | None
    newest: int
    writable: bool
    free: int | None = None
    wal: bool | None = None
    server: int | None = None
    standby: bool | None = None


def judge_database(facts: DatabaseFacts | Unread) -> Notes:
    """All of it."""
    notes = Notes.of(Area.DATABASE)
    if isinstance(facts, Unread):
        notes.broken(
            "database",
            "The database cannot be read.",
            cause=facts.why,
            remedy="Put QBOT_DATABASE_URL or the database right; /readyz says the same.",
        )
        return notes
    _schema(notes, facts)
    _writing(notes, facts)
    _room(notes, facts)
    if facts.server is not None and facts.server < _OLDEST_POSTGRES:
        notes.lacking(
            "database.version",
            f"PostgreSQL {facts.server} gets no fixes any more.",
            remedy=f"Upgrade to {_OLDEST_POSTGRES} or newer.",
        )
    return notes


def _schema(notes: Notes, facts: DatabaseFacts) -> None:
    if facts.schema is None:
        why = f"There are no tables in {facts.where} yet: `qbot serve` makes them."
        notes.unchecked("database.schema", "The tables", why)
    elif facts.schema > facts.newest:
        notes.broken(
            "database.schema",
            f"The tables are of version {facts.schema}, this Qbot knows {facts.newest}.",
            cause="A newer Qbot has been here.",
            remedy="Run that one, or restore the backup made before the upgrade.",
        )
    elif facts.schema < facts.newest:
        why = f"Version {facts.schema} of {facts.newest}; the next start of Qbot brings them up."
        notes.unchecked("database.schema", "The tables", why)
    else:
        notes.well.append(f"database: {facts.where}, tables of version {facts.schema}")


def _writing(notes: Notes, facts: DatabaseFacts) -> None:
    if facts.standby:
        notes.broken(
            "database.standby",
            f"{facts.where} is a standby and takes no writes.",
            remedy="Let QBOT_DATABASE_URL name the primary.",
        )
    elif not facts.writable:
        of_server = facts.server is not None
        notes.broken(
            "database.writable",
            f"Qbot may not write to {facts.where}.",
            cause="Its account lacks rights."
            if of_server
            else "The file or its folder is another user's, or the volume is mounted read-only.",
            remedy="As the database's owner:"
            if of_server
            else "Let the user of Qbot's process own the file and its folder.",
            lines=("GRANT CREATE, USAGE ON SCHEMA public TO qbot;",) if of_server else (),
        )
    if facts.wal is False:
        notes.lacking(
            "database.wal",
            f"{facts.where} does not write its log ahead (WAL).",
            cause="A network file system, mostly: SQLite is not safe on one.",
            remedy="Put the file on a disk of the machine; Qbot switches WAL on as it starts.",
        )


def _room(notes: Notes, facts: DatabaseFacts) -> None:
    if facts.free is None or facts.free >= _TIGHT:
        return
    left = f"{facts.free // _MEGABYTE} MiB are free on the disk of {facts.where}."
    remedy = "Make room: a full disk stops all of Qbot's work."
    if facts.free < _FULL:
        notes.broken("database.disk", left, remedy=remedy)
    else:
        notes.lacking("database.disk", left, remedy=remedy)
