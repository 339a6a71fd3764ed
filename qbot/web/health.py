"""`/healthz`, `/readyz` and `/metrics`: for probes and Prometheus; nothing here writes."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

Check = Callable[[], Awaitable[str]]
"""Answers an empty text when well, else what is wrong."""


def admin_app(registry: CollectorRegistry, checks: Mapping[str, Check]) -> web.Application:
    """`checks` decide readiness, by the name that is shown."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        found = {name: await check() for name, check in checks.items()}
        ready = not any(found.values())
        body = {"ready": ready, "checks": {name: wrong or "ok" for name, wrong in found.items()}}
        return web.json_response(body, status=200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        text = generate_latest(registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
        ]
    )
    return app
