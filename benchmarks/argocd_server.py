"""A server that answers as Argo CD does, as cheaply as it can: the other end of `argocd.py`.

It runs in a process of its own so that its work is not counted as Qbot's.
"""

import asyncio
import json
import time
from contextlib import suppress
from itertools import count
from typing import Any

from aiohttp import web

ENVIRONMENTS, SERVICES = 45, 100
DELAY = 0.05  # seconds for each call that is not a stream
TICK = 0.01  # seconds between two bundles of events
SHA = "0123456789abcdef0123456789abcdef01234567"
_VERSIONS = count(1)


def env_id(number: int) -> str:
    """Spreads environments over the sixteen shards."""
    return f"{number:015x}{number % 16:x}"


def application(env: int, service: int, message: str) -> dict[str, Any]:
    """What a watch with Qbot's fields sends of one Application; about a kilobyte."""
    health = {"status": "Progressing", "message": f"{service % 3} of 3 replicas are updated"}
    return {
        "metadata": {
            "name": f"qbot-env-{env}-service-{service}",
            "labels": {
                "qbot.dev/managed": "true",
                "qbot.dev/env": env_id(env),
                "qbot.dev/owner-id": "T0123456789-U0123456789",
                "qbot.dev/shard": str(env % 16),
            },
            "resourceVersion": str(next(_VERSIONS)),
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {"project": f"qbot-env-{env}", "source": {"targetRevision": SHA}},
        "status": {
            "sync": {"status": "Synced", "revision": SHA},
            "health": {**health, "lastTransitionTime": "2026-01-05T09:00:00Z"},
            "reconciledAt": "2026-01-05T09:00:10Z",
            "resources": [
                {"kind": kind, "name": f"service-{service}", "health": {"status": "Healthy"}}
                for kind in ("Deployment", "Service", "ConfigMap", "Ingress", "Job")
            ],
            "operationState": {
                "phase": "Succeeded",
                "message": message,
                "startedAt": "2026-01-05T09:00:00Z",
                "finishedAt": "2026-01-05T09:00:05Z",
                "syncResult": {"revision": SHA},
            },
        },
    }


def frame(kind: str, app: dict[str, Any]) -> bytes:
    return f"data: {json.dumps({'result': {'type': kind, 'application': app}})} \n\n\n".encode()


class Server:
    """`rate` events a second over all streams, each with its moment of sending."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.requests = 0
        self.streams: dict[int, web.StreamResponse] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/stream/applications", self.stream)
        app.router.add_get("/requests", self.count)
        app.router.add_get("/api/v1/applications", self.list)
        app.router.add_route("POST", "/api/v1/{path:.*}", self.echo)
        app.cleanup_ctx.append(self.sending)
        return app

    async def count(self, _: web.Request) -> web.Response:
        return web.json_response(self.requests)

    async def echo(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.json()
        await asyncio.sleep(DELAY)
        return web.json_response(body.get("project", body))

    async def list(self, request: web.Request) -> web.Response:
        shard = _shard(request)
        apps = [
            {
                "metadata": {k: app["metadata"][k] for k in ("name", "labels")},
                "spec": {"project": app["spec"]["project"]},
                "status": app["status"] | {"resources": None},
            }
            for env in range(shard, ENVIRONMENTS, 16)
            for app in (application(env, s, "") for s in range(SERVICES))
        ]
        return web.json_response({"metadata": {}, "items": apps})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        shard = _shard(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for env in range(shard, ENVIRONMENTS, 16):
            for service in range(SERVICES):
                await response.write(frame("ADDED", application(env, service, "")))
        self.streams[shard] = response
        try:
            while True:
                await asyncio.sleep(15)
                await response.write(b":\n")
        except ConnectionError:
            return response
        finally:
            del self.streams[shard]

    async def sending(self, _: web.Application) -> Any:
        task = asyncio.create_task(self.send())
        yield
        task.cancel()

    async def send(self) -> None:
        began, sent = time.monotonic(), 0
        while True:
            await asyncio.sleep(TICK)
            due = int((time.monotonic() - began) * self.rate)
            for number in range(sent, due):
                env = number % ENVIRONMENTS
                service = (number // ENVIRONMENTS) % SERVICES
                if stream := self.streams.get(env % 16):
                    app = application(env, service, f"sent {time.monotonic_ns()}")
                    with suppress(ConnectionError):
                        await stream.write(frame("MODIFIED", app))
            sent = due


def _shard(request: web.Request) -> int:
    return int(request.query["selector"].rpartition("=")[2])


def serve(port: int, rate: int) -> None:
    """Run until the process is ended."""
    web.run_app(Server(rate).app(), host="127.0.0.1", port=port, print=None, access_log=None)
