"""Qbot as a process of its own, as in real life, that can begin again with an empty memory."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

import click

_START = 30.0  # seconds to come up on a slow machine
_STOP = 12.0
_READY = "qbot: ready"
_QUIET = {"PYTHONUNBUFFERED": "1", "QBOT_LOG_FORMAT": "console", "QBOT_LOG_LEVEL": "warning"}


class Program:
    """`qbot serve` with an env file; its database is the qbot.db beside that file.

    `over` is set when Qbot ends by itself. `process` is None while nothing runs. `failed` is the
    exit status to end with, 0 for none.
    """

    def __init__(self, env_file: Path, over: asyncio.Event) -> None:
        self._env_file = env_file
        self._over = over
        self.process: Process | None = None
        self._ending: asyncio.Task[None] | None = None
        self.failed = 0

    async def start(self) -> None:
        """Start it; wait until it is ready, has ended, or Ctrl-C came."""
        # A group of its own, so that Ctrl-C reaches it only through `stop`.
        self.process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "qbot", "serve", "--env-file", str(self._env_file), stdout=PIPE,
            env=os.environ | _QUIET, start_new_session=True,
        )  # fmt: skip
        self._ending = asyncio.create_task(self._watch(process))
        ready, over = asyncio.create_task(_ready(process)), asyncio.create_task(self._over.wait())
        done, _ = await asyncio.wait(
            {ready, over}, timeout=_START, return_when=asyncio.FIRST_COMPLETED
        )
        for task in (ready, over):
            task.cancel()
        await asyncio.gather(ready, over, return_exceptions=True)
        if process.returncode is not None:
            await self._ending
        elif not done:
            click.echo(f"qbot: nothing is ready after {_START:g} seconds", err=True)
            self.failed = 1
            self._over.set()

    async def stop(self) -> None:
        """End it, if it runs; patiently at first."""
        await self._end(signal.SIGTERM)

    async def forget(self) -> None:
        """End it at once, whatever it is doing, and remove its database."""
        await self._end(signal.SIGKILL)
        for file in self._env_file.parent.glob("qbot.db*"):
            file.unlink()

    async def _end(self, sign: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None or self._ending is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(sign)
        try:
            async with asyncio.timeout(_STOP):
                await process.wait()
        except TimeoutError:
            process.kill()
        await self._ending

    async def _watch(self, process: Process) -> None:
        """An end that nobody asked for is the end of the demo."""
        status = await process.wait()
        if process is self.process:
            self.failed = status
            self._over.set()


async def _ready(process: Process) -> None:
    """Wait for its line; afterwards it writes nothing to stdout."""
    output = process.stdout
    while output is not None and (line := await output.readline()):
        if line.decode().startswith(_READY):
            return
    await process.wait()
