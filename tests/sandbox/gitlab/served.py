"""Runs the stand-in as a server of its own for a test."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import gitlab
import httpx
from aiohttp import web

from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.gitlab import GitLabStandIn
from qbot.sandbox.kernel import Kernel
from tests.plain import NO_TLS

Value = TypeVar("Value")


class Served:
    """The stand-in behind a real socket, its event loop in a thread of its own."""

    def __init__(self, *, speed: float = 1000.0, **options: Any) -> None:
        self.kernel = Kernel(clock=SandboxClock(speed=speed))
        self.standin = GitLabStandIn(self.kernel, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def url(self) -> str:
        return f"{self.kernel.url}/gitlab"

    def wait(self, work: Coroutine[Any, Any, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def do(self, act: Callable[[], Value]) -> Value:
        async def run() -> Value:
            return act()

        return self.wait(run())

    def advance(self, seconds: float) -> None:
        self.do(lambda: self.kernel.clock.advance(seconds))

    def sha(self, project: str, branch: str) -> str:
        branches: dict[str, dict[str, str]] = self.standin.state()["branches"]
        return branches[project][branch]

    def start(self) -> None:
        self._thread.start()
        self.wait(self._start())

    async def _start(self) -> None:
        root = web.Application()
        root.add_subapp("/gitlab", self.standin.app())
        root.add_routes(self.standin.drive_routes())
        self._runner = web.AppRunner(root, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.kernel.url = f"http://{host}:{port}"
        await self.standin.start()

    def stop(self) -> None:
        self.wait(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self.standin.stop()
        await self.kernel.stop()


def drive(served: Served, call: str, **body: Any) -> Any:
    answer = httpx.post(f"{served.kernel.url}/drive/{call}", json=body, verify=NO_TLS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(check: Callable[[], bool], seconds: float = 5) -> None:
    end, pause = time.monotonic() + seconds, threading.Event()
    while not check():
        assert time.monotonic() < end
        pause.wait(0.005)


@contextmanager
def serving(**options: Any) -> Iterator[Served]:
    served = Served(**options)
    served.start()
    try:
        yield served
    finally:
        served.stop()


@contextmanager
def client(served: Served, token: str = "") -> Iterator[gitlab.Gitlab]:
    secret = token or served.standin.token
    with gitlab.Gitlab(
        served.url, private_token=secret, timeout=5, retry_transient_errors=False
    ) as gl:
        yield gl


@contextmanager
def raw_client(served: Served) -> Iterator[httpx.Client]:
    headers = {"PRIVATE-TOKEN": served.standin.token, "Accept-Encoding": "identity"}
    with httpx.Client(
        base_url=f"{served.url}/api/v4", headers=headers, timeout=5, verify=NO_TLS
    ) as made:
        yield made
