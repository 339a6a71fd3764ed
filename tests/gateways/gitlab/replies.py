"""A GitLab of a few lines on a real socket, for odd replies, and for counting."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from qbot.domain.lease import Lease
from qbot.domain.names import ProjectPath, ServiceName, branch_name
from qbot.domain.ports import Clock
from qbot.domain.services import Service
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import GitLabGateway, open_gitlab

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]
SHA = "5f1c" * 10
BRANCH = branch_name("feat/x")
HUNDRED = [ProjectPath(f"shop/service-{n}") for n in range(100)]
TOKEN = "glpat-never-to-be-shown"
CART = ProjectPath("shop/cart")


class Counting:
    """Answers every request with `reply` and remembers what was asked, and how much at a time."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.asked: list[str] = []
        self.first = asyncio.Event()
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self.port = 0
        self._now = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.raw_path.removeprefix("/api/v4"))
        self.headers.append(dict(request.headers))
        self.first.set()
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            return await self.reply(request)
        finally:
            self._now -= 1


@asynccontextmanager
async def answering(
    reply: Reply,
    *,
    clock: Clock | None = None,
    patience: tuple[float, float] = (5.0, 5.0),
    lease: Lease | None = None,
) -> AsyncIterator[tuple[Counting, GitLabGateway]]:
    counting = Counting(reply)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", counting.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, counting.port = runner.addresses[0][:2]
    gitlab = open_gitlab(
        f"http://{host}:{counting.port}",
        TOKEN,
        clock=clock or SystemClock(),
        timeout=patience,
        lease=lease,
    )
    try:
        yield counting, gitlab
    finally:
        await gitlab.close()
        await runner.cleanup()


def json_reply(body: Any, status: int = 200, after: float = 0.0) -> Reply:
    async def reply(request: web.Request) -> web.Response:
        await asyncio.sleep(after)
        return web.json_response(body, status=status)

    return reply


def text_reply(text: str, status: int, **headers: str) -> Reply:
    async def reply(request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = "text/html" if text.startswith("<") else "text/plain"
        return web.Response(status=status, text=text, headers=named, content_type=kind)

    return reply


def branch_json(request: web.Request) -> dict[str, Any]:
    """What a branch's GET answers; the commit's title names the project that was asked."""
    _, _, project, _, _, branch = request.raw_path.removeprefix("/api/v4").split("/")
    commit = {"id": SHA, "title": unquote(project), "author_name": "Ana"}
    return {"name": unquote(branch), "commit": commit}


def pipeline_json(number: int, status: str, sha: str = SHA) -> dict[str, Any]:
    url = f"https://gitlab.example.com/-/pipelines/{number}"
    return {"id": number, "sha": sha, "status": status, "ref": "main", "web_url": url}


def service(name: str, project: str = "", branch: str = "main") -> Service:
    path = ProjectPath(project or f"shop/{name}")
    url = f"https://gitlab.example.com/{path}.git"
    return Service(ServiceName(name), path, url, branch)
