"""From a request to an answer: route, throttle, authenticate, handle, and the headers of it all."""

import gzip
import hashlib
import json
from uuid import uuid4

from aiohttp import web

from qbot.sandbox.gitlab.ask import Ask, Reply, authenticate
from qbot.sandbox.gitlab.errors import ApiError, NotBuiltError, throttled
from qbot.sandbox.gitlab.params import Params, read_params
from qbot.sandbox.gitlab.routing import EVERYWHERE, Route, Router
from qbot.sandbox.gitlab.throttle import Throttle
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.http import FAULT

MOUNT = "/gitlab"
_API = f"{MOUNT}/api/v4"
_GZIP_FROM = 860  # bytes; smaller bodies are sent as they are


class Api:
    """Everything below `/api/v4`."""

    def __init__(self, world: World, router: Router, throttle: Throttle) -> None:
        self._world = world
        self._router = router
        self._throttle = throttle

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        secret = request.headers.get("PRIVATE-TOKEN", "") or request.headers.get(
            "Authorization", ""
        )
        allowed, limits = self._throttle.count(secret, self._world.kernel.clock.time())
        if not allowed:
            return throttled(limits)
        try:
            reply = await self._answer(request)
        except NotBuiltError as error:
            self._refuse(str(error))
            reply = Reply({"error": f"the stand-in does not know {error}"}, 501)
        except ApiError as error:
            reply = Reply(error.body, error.status, error.headers)
        return _response(request, reply, limits)

    async def _answer(self, request: web.Request) -> Reply:
        raw_path = request.raw_path.partition("?")[0]
        if not raw_path.startswith(f"{_API}/"):
            raise NotBuiltError(f"{request.method} {raw_path}")
        try:
            route, captured = self._router.match(request.method, raw_path.removeprefix(_API))
        except ApiError:
            self._refuse(f"{request.method} {raw_path} is no route")
            raise
        token = authenticate(self._world, request)
        params = await read_params(request)
        self._check(route, params)
        reply = await route.handler(Ask(self._world, request, captured, params, token))
        fault = request[FAULT]
        if fault is None or not isinstance(reply.body, list):
            return reply
        return _shortened(reply, fault.kind)

    def _refuse(self, what: str) -> None:
        self._world.kernel.calls.refuse("gitlab", what)

    def _check(self, route: Route, params: Params) -> None:
        where = f"{route.method} {route.path}"
        names = params.names() - route.takes - EVERYWHERE
        for name in sorted(names):
            if name in route.lacks or name == "sudo":
                raise NotBuiltError(f"{where} with {name}")
            self._refuse(f"{where} has no parameter {name}")


def _shortened(reply: Reply, fault: str) -> Reply:
    """A list that ends too early, and says nothing of it."""
    if fault not in ("empty-list", "half-list"):
        return reply
    rows = reply.body[: len(reply.body) // 2] if fault == "half-list" else []
    return Reply(rows, headers={"X-Total": str(len(rows)), "X-Total-Pages": "1"})


def _response(request: web.Request, reply: Reply, limits: dict[str, str]) -> web.Response:
    headers = {"X-Request-Id": uuid4().hex, "Vary": "Origin"} | limits | reply.headers
    if isinstance(reply.body, bytes):
        body, content_type = reply.body, reply.content_type
    else:
        empty = reply.body is None
        body, content_type = b"" if empty else _json(reply.body), "application/json"
    if request.method in ("GET", "HEAD") and reply.status == 200:
        etag = f'W/"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        headers |= {"ETag": etag, "Cache-Control": "max-age=0, private, must-revalidate"}
        if etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", "") and len(body) >= _GZIP_FROM:
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding, Origin"}
        body = gzip.compress(body, compresslevel=1)
    return web.Response(
        status=reply.status,
        body=body or None,
        headers=headers,
        content_type=content_type if body else None,
    )


def _json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
