"""A server of events whose stream and list a test controls apart from each other."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from qbot.gateways.argocd.states import LISTED
from tests.gateways.argocd.world import NAME, Json, OddServer, absent

STREAM, LIST, GET = "GET /stream/applications", "GET /applications", f"GET /applications/{NAME}"


@dataclass
class Stage:
    """`burst` is what a new stream sends first; `apps` is what lists and reads tell."""

    odd: OddServer
    burst: list[Json] = field(default_factory=list)
    apps: list[Json] = field(default_factory=list)
    lines: list[asyncio.Queue[bytes | None]] = field(default_factory=list)
    silent: bool = False  # send no headers, as Argo CD does while there is nothing to tell

    def __post_init__(self) -> None:
        self.odd.on(STREAM, self._stream)
        self.odd.on(LIST, self._list)
        self.odd.on(GET, self._read)

    def both(self, *apps: Json) -> None:
        self.burst, self.apps = list(apps), list(apps)

    def send(self, app: Json, kind: str = "MODIFIED") -> None:
        """To every open stream."""
        self.raw(frame(app, kind))

    def raw(self, data: bytes) -> None:
        for line in self.lines:
            line.put_nowait(data)

    def cut(self) -> None:
        """End every stream in the middle of a chunk."""
        for line in self.lines:
            line.put_nowait(None)

    @property
    def connections(self) -> int:
        return self.odd.lines.count(STREAM)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        for app in self.burst:
            queue.put_nowait(frame(app, "ADDED"))
        self.lines.append(queue)
        try:
            while (data := await queue.get()) is not None:
                if not response.prepared:
                    await response.prepare(request)
                await response.write(data)
        finally:
            self.lines.remove(queue)
        assert request.transport is not None
        request.transport.abort()
        raise asyncio.CancelledError

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({"metadata": {}, "items": [_cut(a) for a in self.apps] or None})

    async def _read(self, _: web.Request) -> web.Response:
        found = [a for a in self.apps if a["metadata"]["name"] == NAME]
        return web.json_response(found[0]) if found else absent()


def frame(app: Json, kind: str) -> bytes:
    return f"data: {json.dumps({'result': {'type': kind, 'application': app}})} \n\n\n".encode()


def _cut(app: Json) -> Json:
    """What a list with `fields` leaves of an Application."""
    kept: Json = {}
    for path in LISTED:
        source: Any = app
        *parents, last = path.split(".")
        for parent in parents:
            source = source.get(parent) or {}
        if last in source:
            place = kept
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = source[last]
    return kept
