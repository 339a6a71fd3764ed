"""A sandbox from its start to the moment when somebody ends it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from qbot.sandbox.server import Sandbox


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
        click.echo(f"qbot: the sandbox cannot listen: {error.strerror or error}", err=True)
        raise SystemExit(2) from None
    try:
        yield
    finally:
        await sandbox.stop()
