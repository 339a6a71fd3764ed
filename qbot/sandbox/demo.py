"""`qbot demo`: the sandbox and Qbot as two processes, as in real life, until Ctrl-C."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import webbrowser
from asyncio.subprocess import PIPE, Process
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import click

_START = 30.0  # seconds for a process to come up on a slow machine
_STOP = 12.0
_QUIET = {"PYTHONUNBUFFERED": "1", "QBOT_LOG_FORMAT": "console", "QBOT_LOG_LEVEL": "warning"}


def run(*, port: int, browser: bool, speed: float, services: int, stages: str) -> None:
    """Start both, print the address, stop both at the end."""
    with tempfile.TemporaryDirectory(prefix="qbot-demo-") as folder:
        shop = ("--speed", str(speed), "--services", str(services), "--stages", stages)
        asyncio.run(_run(Path(folder) / "env", shop, port=port, browser=browser))


async def _run(env_file: Path, shop: Sequence[str], *, port: int, browser: bool) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, over.set)
    qbot_port = free_port()
    stand_ins = await _start(
        "sandbox", "--port", str(port), "--env-file", str(env_file), *shop,
        "--qbot-url", f"http://127.0.0.1:{qbot_port}",
    )  # fmt: skip
    running = [stand_ins]
    try:
        url = await _unless(over, _line(stand_ins, "sandbox: "))
        if url is None:
            return
        qbot = await _start("serve", "--env-file", str(env_file))
        running.append(qbot)
        if await _unless(over, _line(qbot, "qbot: ready")) is None:
            return
        click.echo(f"\n  Open {url}\n  and type  /env create feat/checkout\n")
        if browser:
            await asyncio.to_thread(webbrowser.open, url)
        await _until(over, running)
    finally:
        for process in reversed(running):
            await _stop(process)


async def _start(*arguments: str) -> Process:
    """The child leads a group of its own, so that Ctrl-C reaches it only through `_stop`."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qbot", *arguments, stdout=PIPE,
        env=os.environ | _QUIET, start_new_session=True,
    )  # fmt: skip


async def _line(process: Process, start: str) -> str:
    """What follows `start` on the first line that begins with it.

    Raises:
        SystemExit: the process ended before it, having said why, or takes too long.
    """
    if process.stdout is None:
        raise RuntimeError("the process has no output")
    try:
        async with asyncio.timeout(_START):
            while line := (await process.stdout.readline()).decode():
                if line.startswith(start):
                    return line.removeprefix(start).strip()
    except TimeoutError:
        raise SystemExit(f"qbot: nothing is ready after {_START:g} seconds") from None
    raise SystemExit(await process.wait() or 1)


async def _unless(over: asyncio.Event, line: Coroutine[Any, Any, str]) -> str | None:
    """The line, or None where Ctrl-C came first."""
    coming, asked = asyncio.create_task(line), asyncio.create_task(over.wait())
    try:
        await asyncio.wait({coming, asked}, return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() else None
    finally:
        for task in (coming, asked):
            task.cancel()
        await asyncio.gather(coming, asked, return_exceptions=True)


async def _until(over: asyncio.Event, running: list[Process]) -> None:
    """Ctrl-C, or one of the two ending by itself."""
    ends = [asyncio.create_task(p.wait()) for p in running]
    asked = asyncio.create_task(over.wait())
    await asyncio.wait([asked, *ends], return_when=asyncio.FIRST_COMPLETED)
    for task in (asked, *ends):
        task.cancel()


async def _stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP)
        except TimeoutError:
            process.kill()
            await process.wait()


def free_port() -> int:
    """A port that was free a moment ago, with its successor free as well (the admin port)."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
