"""`qbot store`: copy, back up, restore and check the database. Thin, as `cli` is."""

import asyncio
from pathlib import Path

import click

from qbot.cli_parts import env_file_option, tells_errors

_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def store() -> None:
    """The database: move it, back it up, look whether it is sound."""


@store.command("copy")
@click.argument("source")
@click.argument("target")
@click.option("--force", is_flag=True, help="Also while a Qbot uses SOURCE: as it is just now.")
@tells_errors
def copy_(source: str, target: str, *, force: bool) -> None:
    """Copy the database SOURCE into TARGET, which must be empty, and compare every row.

    Both are URLs as in QBOT_DATABASE_URL: sqlite:///path/to/file or postgresql://user@host/name.
    Leave passwords out of them, where others may see this command: PGPASSWORD or ~/.pgpass has
    them too. Stop Qbot first. TARGET has everything in the end, or no row.
    """
    from qbot.app.storing import copied  # noqa: PLC0415  (--help must not pay for it)

    for line in asyncio.run(copied(source, target, force=force)):
        click.echo(line)


@store.command("backup")
@env_file_option
@click.argument("file", type=_file)
@tells_errors
def backup_(env_file: Path | None, file: Path) -> None:
    """Write the SQLite database of QBOT_DATABASE_URL into a new FILE; Qbot may be running."""
    from qbot.app.storing import backed_up  # noqa: PLC0415  (as above)

    click.echo(backed_up(env_file, file))


@store.command("restore")
@env_file_option
@click.argument("file", type=_file)
@tells_errors
def restore_(env_file: Path | None, file: Path) -> None:
    """Put the backup FILE in the place of QBOT_DATABASE_URL; what was there is kept beside it."""
    from qbot.app.storing import restored  # noqa: PLC0415  (as above)

    for line in restored(env_file, file):
        click.echo(line)


@store.command("check")
@env_file_option
@tells_errors
def check(env_file: Path | None) -> None:
    """Read the database of QBOT_DATABASE_URL and say whether it is sound; Qbot may be running."""
    from qbot.app.storing import checked  # noqa: PLC0415  (as above)

    click.echo(asyncio.run(checked(env_file)))
