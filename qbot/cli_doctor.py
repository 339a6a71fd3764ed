"""`qbot doctor`: whether everything that Qbot stands on is as it has to be. Thin, as `cli` is."""

import asyncio
import json
import sys
from pathlib import Path

import click

from qbot.cli_parts import env_file_option, tells_errors


@click.command()
@env_file_option
@click.option("--json", "as_data", is_flag=True, help="JSON, for scripts.")
@click.option(
    "--accept", multiple=True, metavar="ID", help="Leave out what you live with on purpose."
)
@tells_errors
def doctor(*, env_file: Path | None, as_data: bool, accept: tuple[str, ...]) -> None:
    """Try every token, right, address and name; say what is missing, and the line to add.

    Changes nothing; Qbot may be running. Exit status: 0 nothing is to be mended, 1 something is,
    2 it could not be examined.
    """
    from qbot.app.examining import examined  # noqa: PLC0415  (--help must not pay for it)
    from qbot.domain.diagnosis.accepting import unused  # noqa: PLC0415  (as above)
    from qbot.render.doctor import as_json, as_text  # noqa: PLC0415  (as above)

    found = asyncio.run(examined(env_file))
    for said in unused(found, accept):
        click.echo(f"qbot: {said}", err=True)
    report = found.without(accept)
    if as_data:
        click.echo(json.dumps(as_json(report), indent=2, ensure_ascii=False))
    else:
        colours = sys.stdout.isatty()
        for line in as_text(report, colours=colours):
            click.echo(line, color=colours)
    sys.exit(report.exit_status)
