"""`/healthz`, `/readyz` and `/metrics`: for probes and Prometheus; nothing here writes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

log = structlog.get_logger()
Check = Callable[[], Awaitable[str]]
"""Answers an empty text when well, else what is wrong."""
Refresh = Callable[[], Awaitable[None]]
Degraded = Callable[[], Mapping[str, str]]
"""What does not answer and since when, by its name; Qbot is ready all the same."""
PATIENCE = 2.0  # seconds for one check: a probe gives up soon after


def admin_app(
    registry: CollectorRegistry,
    checks: Mapping[str, Check],
    *,
    patience: float = PATIENCE,
    refresh: Refresh | None = None,
    degraded: Degraded = dict,
) -> web.Application:
    """`checks` decide readiness, by the name that is shown; `refresh` comes before each scrape.

    What is `degraded` is told, and decides nothing: restarting Qbot brings no neighbour back.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        answers = await asyncio.gather(*(_ask(n, c, patience) for n, c in checks.items()))
        found = dict(zip(checks, answers, strict=True))
        ready = not any(found.values())
        body: dict[str, Any] = {
            "ready": ready,
            "checks": {name: wrong or "ok" for name, wrong in found.items()},
        }
        if away := degraded():
            body["degraded"] = dict(away)
        return web.json_response(body, status=200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        if refresh is not None:
            await refresh()
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


async def _ask(name: str, check: Check, patience: float) -> str:
    try:
        async with asyncio.timeout(patience):
            return await check()
    except TimeoutError:
        return f"does not answer within {patience:g} s"
    except Exception as error:
        log.exception("check failed", check=name)
        return f"cannot be checked: {type(error).__name__}"
