"""`qbot audit export`: settings and the clock -> the database's log, written out."""

import os
import sys
from pathlib import Path

from qbot.gateways.clock import SystemClock
from qbot.settings.loading import load_database_url
from qbot.store.exporting import export, moment


async def exported(env_file: Path | None, form: str, since: str, out: Path | None) -> int:
    """Write to a new file, or else to stdout; how many entries that were.

    Raises:
        PermanentError: settings, database or file are not as they should be.
        TransientError: the database does not answer.
    """
    start = moment(since, SystemClock().now()) if since else None
    url = load_database_url(os.environ, env_file=env_file)
    return await export(url, form=form, start=start, out=out, stream=sys.stdout)
