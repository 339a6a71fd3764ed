"""What the commands have in common: an option, and how errors are told."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from qbot.errors import QbotError

P = ParamSpec("P")

env_file_option = click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read QBOT_* settings from this file; the environment wins.",
)


def tells_errors(command: Callable[P, None]) -> Callable[P, None]:
    """An error of the set-up is a sentence on stderr and exit status 2, not a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except QbotError as error:
            click.echo(f"qbot: {error}", err=True)
            sys.exit(2)

    return run
