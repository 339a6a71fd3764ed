"""Watching Applications: `GET /api/v1/stream/applications`.

Source: Argo CD `server/application/application.go` (Watch), `broadcaster.go`.
"""

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from qbot.sandbox.argocd import fields
from qbot.sandbox.argocd.accounts import Account
from qbot.sandbox.argocd.api.applications import compiled, visible
from qbot.sandbox.argocd.api.frames import HEARTBEAT, Frames
from qbot.sandbox.argocd.api.requests import Context
from qbot.sandbox.argocd.objects import Json, name_of, project_of
from qbot.sandbox.argocd.selector import Test
from qbot.sandbox.argocd.shelves import Change
from qbot.sandbox.http import FAULT

_BUFFER = 1000  # events; more than that are lost without a word
_HEARTBEAT, _LOOK = 15.0, 1.0  # seconds
_PATH = "GET /api/v1/stream/applications"


@dataclass(slots=True, eq=False)
class _Stream:
    """What one client asked for, and what waits for it."""

    account: Account
    name: str
    projects: frozenset[str]
    version: int
    matches: Test
    kept: frozenset[str]
    exclude: bool
    queue: asyncio.Queue[Json | None] = field(
        default_factory=lambda: asyncio.Queue(maxsize=_BUFFER)
    )
    sent: dict[str, int] = field(default_factory=dict)  # hash of the last frame by name


class Streams:
    """All open watches."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._open: set[_Stream] = set()
        context.applications.watchers.add(self._changed)

    def routes(self) -> list[web.RouteDef]:
        """Where the handler is."""
        return [web.get("/api/v1/stream/applications", self.watch, allow_head=False)]

    def close(self) -> None:
        """End every watch, as a server that stops does."""
        for stream in self._open:
            if stream.queue.full():
                stream.queue.get_nowait()
            stream.queue.put_nowait(None)

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """Events until the client or the server leaves."""
        stream = self._stream(request)
        frames = Frames(request)
        initial = [_event("ADDED", app) for app in self._initial(request, stream)]
        fault = request[FAULT]
        if fault and fault.kind == "cut-stream":
            await self._cut(frames, stream, initial)
        for event in initial:
            await self._send(frames, stream, event)
        self._open.add(stream)
        try:
            await self._forward(frames, stream)
        except ConnectionError:
            pass  # the client left while something was on its way to it
        finally:
            self._open.discard(stream)
        return await frames.end() if not frames.gone else web.Response(body=b"")

    def _stream(self, request: web.Request) -> _Stream:
        query = request.query
        version = query.get("resourceVersion", "")
        wanted, exclude = fields.parse(query.get("fields", ""))
        projects = {*query.getall("projects", []), *query.getall("project", [])} - {""}
        return _Stream(
            account=self._context.access.account(request),
            name=query.get("name", ""),
            projects=frozenset(projects),
            version=int(version) if version.isdigit() else 0,
            matches=compiled(query.get("selector", "")),
            kept=wanted,
            exclude=exclude,
        )

    def _initial(self, request: web.Request, stream: _Stream) -> list[Json]:
        """With a version and no name there is no initial burst, and nothing is replayed."""
        if stream.version and not stream.name:
            return []
        return [app for app in visible(self._context, request, stream.account) if _new(stream, app)]

    def _changed(self, change: Change) -> None:
        for stream in self._open:
            if self._concerns(stream, change.object) and not stream.queue.full():
                stream.queue.put_nowait(_event(change.type, change.object))

    def _concerns(self, stream: _Stream, app: Json) -> bool:
        name, project = name_of(app), project_of(app)
        if (stream.name and name != stream.name) or not _new(stream, app):
            return False
        if stream.projects and project not in stream.projects:
            return False
        if not stream.matches(app["metadata"].get("labels") or {}):
            return False
        return self._context.access.allows(
            stream.account, "applications", "get", f"{project}/{name}"
        )

    async def _forward(self, frames: Frames, stream: _Stream) -> None:
        clock = self._context.kernel.clock
        beat = clock.time() + _HEARTBEAT
        while not frames.gone:
            event, came = None, True
            try:
                async with asyncio.timeout(_LOOK):
                    event = await stream.queue.get()
            except TimeoutError:
                came = False
            if frames.events and frames.started and clock.time() >= beat:
                # Due also while events come: all of them may be held back as repeats.
                await frames.send(HEARTBEAT)
                beat = clock.time() + _HEARTBEAT
            if event:
                await self._send(frames, stream, event)
            elif came:
                return

    async def _send(self, frames: Frames, stream: _Stream, event: Json) -> None:
        """Send what differs from the last frame of the same Application."""
        data = _encoded(frames, stream, event)
        name = name_of(event["application"])
        digest = hash(data)
        if stream.sent.get(name) == digest:
            return
        stream.sent[name] = digest
        if self._context.kernel.faults.take("argocd", _PATH, "cut-stream"):
            await frames.cut(data)
        await frames.send(data)

    async def _cut(self, frames: Frames, stream: _Stream, initial: list[Json]) -> None:
        """Send what there is at first, and half of what follows; without anything, wait for it."""
        for event in initial[:-1]:
            await self._send(frames, stream, event)
        if initial:
            await frames.cut(_encoded(frames, stream, initial[-1]))
        self._open.add(stream)
        try:
            following = await stream.queue.get()
            await frames.cut(_encoded(frames, stream, following) if following else b"")
        finally:
            self._open.discard(stream)


def _encoded(frames: Frames, stream: _Stream, event: Json) -> bytes:
    whole = {"result": event}
    if stream.kept:
        whole = fields.sieve(whole, stream.kept, exclude=stream.exclude)
    return frames.encode(whole)


def _event(kind: str, app: Json) -> Json:
    return {"type": kind, "application": app}


def _new(stream: _Stream, app: Json) -> bool:
    return int(app["metadata"]["resourceVersion"]) >= stream.version
