"""`qbot sandbox`: the stand-ins as a process of their own."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Literal, cast

from qbot.sandbox.server import Sandbox


def run(
    *, port: int, env_file: Path | None, speed: float, services: int, mode: str, qbot_url: str
) -> None:
    """Serve until SIGINT or SIGTERM."""
    chosen = cast("Literal['http', 'socket']", mode)
    sandbox = Sandbox(port=port, speed=speed, services=services, mode=chosen, qbot_url=qbot_url)
    asyncio.run(_serve(sandbox, env_file))


async def _serve(sandbox: Sandbox, env_file: Path | None) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, over.set)
    try:
        await sandbox.start()
    except OSError as error:
        print(f"qbot: the sandbox cannot listen: {error.strerror or error}", file=sys.stderr)  # noqa: T201  (as the command line tells errors)
        raise SystemExit(2) from None
    try:
        if env_file is not None:
            sandbox.write_env_file(env_file)
        print(f"sandbox: {sandbox.url}", flush=True)  # noqa: T201  (a script waits for this line)
        await over.wait()
    finally:
        await sandbox.stop()
