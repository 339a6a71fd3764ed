"""What the tests of the Argo CD gateway share: one environment, a quick clock, an odd server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from inspect import isawaitable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from qbot.domain.environment import Environment, Phase
from qbot.domain.names import BranchName, EnvId, EnvName, OpId, ProjectPath, ServiceName
from qbot.domain.people import Actor
from qbot.domain.services import Image, Service, ServicePlan, Source
from qbot.gateways.argocd.gateway import ArgoCDGateway, open_argocd
from qbot.gateways.argocd.policy import BaseChart, SpecPolicy

Json = dict[str, Any]
BASE_REPO, CART_REPO = "http://git/shop/environments.git", "http://git/shop/cart.git"
CART = ServiceName("cart")
OP = OpId("op-1")
START = datetime(2026, 1, 5, tzinfo=UTC)
SHA = "0123456789abcdef0123456789abcdef01234567"
NAME = "qbot-x-cart"
POLICY = SpecPolicy(base=BaseChart(BASE_REPO, "chart", "main"))
SERVICE = Service(
    name=CART,
    project=ProjectPath("shop/cart"),
    repo_url=CART_REPO,
    default_branch="main",
    image=Image("registry/cart", "{short_sha}", "image.tag"),
)


def environment(branch: str = "x", *, env_id: str = "e0a1b2c3d4e5f607") -> Environment:
    return Environment(
        id=EnvId(env_id),
        name=EnvName("qbot-x"),
        branch=BranchName(branch),
        owner=Actor("T1", "U1"),
        phase=Phase.CREATING,
        created_at=START,
        url="https://qbot-x.example.com",
    )


ENV = environment()


def plan(sha: str = SHA, *, source: Source = Source.BRANCH, ref: str = "x") -> ServicePlan:
    return ServicePlan(service=CART, source=source, ref=ref, sha=sha)


class QuickClock:
    """Waits a small part of what is asked, and remembers what that was."""

    def __init__(self, *, speed: float = 1000) -> None:
        self._speed = speed
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds / self._speed)


def error(code: int, message: str, status: int) -> web.Response:
    """A failure as the gateway of Argo CD words it."""
    body = {"error": message, "code": code, "message": message}
    return web.json_response(body, status=status)


def absent(name: str = NAME, kind: str = "applications") -> web.Response:
    return error(5, f'{kind}.argoproj.io "{name}" not found', 404)


def application(
    env: Environment = ENV, service: str = "cart", *, version: int = 1, **meta: Any
) -> Json:
    """An Application as Argo CD returns it, deployed at `SHA`."""
    labels = {"qbot.dev/managed": "true", "qbot.dev/env": str(env.id)}
    return {
        "metadata": {
            "name": f"{env.name}-{service}",
            "labels": labels,
            "resourceVersion": str(version),
            **meta,
        },
        "spec": {"project": str(env.name), "source": {"targetRevision": SHA}},
        "status": {
            "sync": {"status": "Synced", "revision": SHA},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-01-05T09:00:10Z",
            "resources": [{"kind": "Deployment", "name": service, "health": {"status": "Healthy"}}],
            "operationState": {
                "phase": "Succeeded",
                "message": "successfully synced (all tasks run)",
                "startedAt": "2026-01-05T09:00:00Z",
                "finishedAt": "2026-01-05T09:00:05Z",
                "syncResult": {"revision": SHA},
                "operation": {"info": [{"name": "qbot-op", "value": "op-1"}]},
            },
        },
    }


@dataclass
class Seen:
    """One request that the odd server got."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


Reply = web.StreamResponse | Callable[[web.Request], Any]


@dataclass
class OddServer:
    """Gives the replies that a test has laid out, in order; the last one of a line stays."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    replies: dict[str, list[Reply]] = field(default_factory=dict)

    def on(self, line: str, *replies: Reply) -> None:
        """`line` is "METHOD /path below the API"."""
        self.replies[line] = list(replies)

    @property
    def lines(self) -> list[str]:
        return [s.line for s in self.seen]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        path = request.path.removeprefix("/argocd/api/v1")
        headers = {k.lower(): v for k, v in request.headers.items()}
        seen = Seen(
            request.method, path, dict(request.query), headers, json.loads(text) if text else None
        )
        self.seen.append(seen)
        found = self.replies.get(seen.line)
        if not found:
            return web.Response(status=501, text=f"nothing laid out for {seen.line}")
        reply = found.pop(0) if len(found) > 1 else found[0]
        if callable(reply):
            answer: web.StreamResponse = await reply(request)
            return answer
        if isinstance(reply, web.Response):  # a response can be sent once only
            return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
        return reply


@asynccontextmanager
async def odd_server() -> AsyncIterator[OddServer]:
    odd = OddServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", odd.handle)
    server = TestServer(app, shutdown_timeout=0.1)
    await server.start_server()
    odd.url = str(server.make_url("/argocd"))
    try:
        yield odd
    finally:
        await server.close()


@asynccontextmanager
async def gateway(
    url: str, *, clock: QuickClock | None = None, token: str = "", policy: SpecPolicy = POLICY
) -> AsyncIterator[ArgoCDGateway]:
    opened = open_argocd(
        url=url, token=token or "t", ca_file=None, policy=policy, clock=clock or QuickClock()
    )
    try:
        yield opened
    finally:
        await opened.close()


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What the condition, awaited if it can be, becomes once it holds."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.005)
