"""`qbot sandbox`: the stand-ins as a process of their own."""

import asyncio
from pathlib import Path
from typing import Literal, cast

import click

from qbot.sandbox.server import Sandbox
from qbot.sandbox.serving import served
from qbot.sandbox.shop.stages import Variant


def run(
    *,
    port: int,
    env_file: Path | None,
    speed: float,
    services: int,
    stages: str,
    mode: str,
    lag: float,
    qbot_url: str,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    chosen = cast("Literal['http', 'socket']", mode)
    sandbox = Sandbox(
        port=port,
        speed=speed,
        services=services,
        stages=cast("Variant", stages),
        mode=chosen,
        lag=lag,
        qbot_url=qbot_url,
    )
    asyncio.run(_serve(sandbox, env_file))


def _write(sandbox: Sandbox, env_file: Path) -> None:
    try:
        sandbox.write_env_file(env_file)
    except OSError as error:
        why = error.strerror or error
        click.echo(f"qbot: --env-file {env_file} cannot be written: {why}", err=True)
        raise SystemExit(2) from None


async def _serve(sandbox: Sandbox, env_file: Path | None) -> None:
    over = asyncio.Event()
    async with served(sandbox, over):
        if env_file is not None:
            _write(sandbox, env_file)
        click.echo(f"sandbox: {sandbox.url}")  # a script waits for this line
        await over.wait()
