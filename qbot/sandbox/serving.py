"""A sandbox from its start to the moment when somebody ends it."""

import asyncio
import errno
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from qbot.sandbox.server import Sandbox

_OTHER = ". Choose another port with --port"


@asynccontextmanager
async def served(sandbox: Sandbox, over: asyncio.Event) -> AsyncIterator[None]:
    """Serve for the length of the block; SIGINT and SIGTERM set `over`.

    Raises:
        SystemExit: its address is taken; the reason has been told.
    """
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, over.set)
    try:
        await sandbox.start()
    except OSError as error:
        why = f"{error.strerror or error}{_OTHER if error.errno == errno.EADDRINUSE else ''}"
        click.echo(f"qbot: the sandbox cannot listen: {why}", err=True)
        raise SystemExit(2) from None
    try:
        yield
    finally:
        await sandbox.stop()
