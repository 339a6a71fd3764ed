"""`qbot demo`: the sandbox, and Qbot against it as a process of its own, until Ctrl-C."""

import asyncio
import secrets
import socket
import tempfile
import webbrowser
from pathlib import Path
from typing import cast

import click

from qbot.sandbox.program import Program
from qbot.sandbox.server import Sandbox
from qbot.sandbox.serving import served
from qbot.sandbox.shop.stages import Variant

_PORTS = range(12_000, 32_000, 2)


def run(*, port: int, browser: bool, speed: float, services: int, stages: str, lag: float) -> None:
    """Start both, print the address, stop both at the end."""
    with tempfile.TemporaryDirectory(prefix="qbot-demo-") as folder:
        env_file = Path(folder) / "env"
        over = asyncio.Event()
        qbot = Program(env_file, over)
        sandbox = Sandbox(
            port=port,
            speed=speed,
            services=services,
            stages=cast("Variant", stages),
            lag=lag,
            qbot_url=f"http://127.0.0.1:{free_port()}",
            app=qbot,
            digest=True,
        )
        sandbox.argocd.notifications.on = True
        asyncio.run(_run(sandbox, qbot, over, env_file, browser=browser))


async def _run(
    sandbox: Sandbox, qbot: Program, over: asyncio.Event, env_file: Path, *, browser: bool
) -> None:
    async with served(sandbox, over):
        sandbox.write_env_file(env_file)
        try:
            await qbot.start()
            if not over.is_set():
                click.echo(f"\n  Open {sandbox.url}\n  and type  /env create feat/checkout\n")
                if browser:
                    await asyncio.to_thread(webbrowser.open, sandbox.url)
            await over.wait()
        finally:
            await qbot.stop()
    if qbot.failed:
        raise SystemExit(qbot.failed)


def free_port() -> int:
    """A port that was free a moment ago, with its successor free as well (the admin port).

    Below those that systems give to outgoing connections: one of these would take the port of a
    program that is being restarted.
    """
    while True:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
