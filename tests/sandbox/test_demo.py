"""The demo's Qbot, as a process of its own: a fresh world restarts it with an empty memory."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from qbot.sandbox.demo import free_port
from qbot.sandbox.program import Program
from qbot.sandbox.server import Sandbox


@dataclass
class Demo:
    sandbox: Sandbox
    qbot: Program
    over: asyncio.Event
    session: aiohttp.ClientSession

    async def post(self, call: str, **body: Any) -> Any:
        async with self.session.post(f"/drive/{call}", json=body) as response:
            return await response.json()

    async def list(self) -> str:
        asked = {"user": "ana", "channel": "general", "text": "/env list --all"}
        return str((await self.post("slash", **asked))["replies"][0]["text"])


@pytest_asyncio.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    over = asyncio.Event()
    qbot = Program(tmp_path / "env", over)
    url = f"http://127.0.0.1:{free_port()}"
    sandbox = Sandbox(services=2, speed=50, qbot_url=url, app=qbot)
    await sandbox.start()
    sandbox.write_env_file(tmp_path / "env")
    await qbot.start()
    async with aiohttp.ClientSession(sandbox.url) as session:
        yield Demo(sandbox, qbot, over, session)
    await qbot.stop()
    await sandbox.stop()


@pytest.mark.timeout(60)
async def test_a_fresh_world_has_a_qbot_that_remembers_nothing_and_an_end_of_it_ends_the_demo(
    demo: Demo,
) -> None:
    asked = {"user": "ana", "channel": "general", "text": "/env create feat/checkout"}
    await demo.post("slash", **asked)
    assert "feat/checkout" in await demo.list()
    assert await demo.post("reset") == {"ok": True}
    assert "There are no environments" in await demo.list()
    assert not demo.over.is_set()
    running = demo.qbot.process
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        await demo.over.wait()
    assert demo.qbot.failed == -signal.SIGKILL
