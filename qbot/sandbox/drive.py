"""`/drive/*` for what concerns no single vendor: faults, time, records, state, groups.

What a person does to one vendor (a command, a push, a sick Application) is served by that
vendor's own package.
"""

import asyncio
import json
from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from aiohttp import web

from qbot.sandbox.http import Handler
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.standin import StandIn

_BEAT = 15.0  # seconds between signs of life on an idle stream of events
_HELD = 2.0  # seconds that a question for a later time than the known one stays open
_FOLLOWS = 3.0  # seconds within which whoever follows the clock asks again
_TYPES: Mapping[type, str] = {str: "a text", float: "a number", int: "a whole number",
                              bool: "true or false"}  # fmt: skip


class Membership(Protocol):
    """A vendor with groups of people."""

    def set_member(self, group: str, user: str, *, present: bool) -> None:
        """Put somebody into a group or take them out; ValueError if either is unknown."""


class App(Protocol):
    """The app under test, where whoever runs the sandbox runs that one, too."""

    async def forget(self) -> None:
        """End it at once, and remove all that it remembers."""

    async def start(self) -> None:
        """Start it and wait until it is ready."""


class BadDriveError(ValueError):
    """A drive call that cannot be followed; its text is the answer's `error`."""


def read_fields(data: Any, **wanted: type) -> dict[str, Any]:
    """The fields of a body, all of them required; a whole number is a number, too.

    A trailing underscore of a name is dropped (`in_` reads the field `in`).

    Raises:
        BadDriveError: not an object, or a field is missing, unknown or of another type.
    """
    if not isinstance(data, dict):
        raise BadDriveError("the body must be a JSON object")
    types = {name.rstrip("_"): kind for name, kind in wanted.items()}
    if unknown := sorted(data.keys() - types.keys()):
        raise BadDriveError(f"unknown: {', '.join(unknown)}")
    if missing := sorted(types.keys() - data.keys()):
        raise BadDriveError(f"missing: {', '.join(missing)}")
    for name, kind in types.items():
        value = data[name]
        fits = type(value) is kind or (kind is float and type(value) is int)
        if not fits:
            raise BadDriveError(f"{name} must be {_TYPES[kind]}")
    return data


def read_query(request: web.Request, *known: str) -> dict[str, str]:
    """The parameters of a query.

    Raises:
        BadDriveError: one of them is unknown.
    """
    if unknown := sorted(request.query.keys() - set(known)):
        raise BadDriveError(f"unknown: {', '.join(unknown)}")
    return dict(request.query)


class Drive:
    """The handlers; `memberships` are the vendors whose groups policy may build on.

    With an `app`, a reset restarts it as well: what it remembers belongs to the old world.
    """

    def __init__(
        self,
        kernel: Kernel,
        standins: Mapping[str, StandIn],
        memberships: Sequence[Membership],
        app: App | None = None,
    ) -> None:
        self._kernel = kernel
        self._standins = standins
        self._memberships = memberships
        self._app = app
        self._resetting = asyncio.Lock()
        self._followed = asyncio.Event()
        self._followed_at = float("-inf")  # when somebody asked for the time, by the loop's clock

    def routes(self) -> list[web.RouteDef]:
        """What is served, below /drive."""
        told = {"calls": self._calls, "state": self._state, "clock": self._clock,
                "refused": self._refused}  # fmt: skip
        done = {"fault": self._fault, "time": self._time, "reset": self._reset,
                "member": self._member}  # fmt: skip
        return [
            *(web.get(f"/drive/{name}", _answering(handler)) for name, handler in told.items()),
            *(web.post(f"/drive/{name}", _answering(handler)) for name, handler in done.items()),
            web.get("/drive/events", self._events),
        ]

    async def _fault(self, request: web.Request) -> Any:
        body = read_fields(await request.json(), vendor=str, match=str, kind=str, times=int)
        self._kernel.faults.add(**body)
        return {"ok": True}

    async def _time(self, request: web.Request) -> Any:
        body = read_fields(await request.json(), advance=float)
        self._kernel.clock.advance(body["advance"])
        self._kernel.feed.publish("time")
        await self._until_followed()
        return self._told_time()

    async def _clock(self, request: web.Request) -> Any:
        """At once, or as soon as it has been moved from where the asker knows it to be."""
        known = read_query(request, "known").get("known")
        if known is not None and float(known) == self._kernel.clock.offset:
            followed, self._followed = self._followed, asyncio.Event()
            followed.set()
            await self._kernel.clock.moved(_HELD)
        self._followed_at = asyncio.get_running_loop().time()
        return self._told_time()

    def _told_time(self) -> dict[str, float]:
        return {"offset": self._kernel.clock.offset, "time": self._kernel.clock.time()}

    async def _until_followed(self) -> None:
        """Whoever follows the clock knows where it is when the caller goes on."""
        if asyncio.get_running_loop().time() - self._followed_at > _FOLLOWS:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_FOLLOWS):
                await self._followed.wait()

    async def _calls(self, request: web.Request) -> Any:
        query = read_query(request, "vendor", "since")
        since = float(query.get("since", 0))
        return {"calls": self._kernel.calls.select(vendor=query.get("vendor", ""), since=since)}

    async def _refused(self, request: web.Request) -> Any:
        read_query(request)
        return {"refused": self._kernel.calls.refused}

    async def _state(self, request: web.Request) -> Any:
        read_query(request)
        own = {
            "faults": [fault.told() for fault in self._kernel.faults.left()],
            "reset_restarts_app": self._app is not None,
        }
        return dict(ChainMap(own, *(standin.state() for standin in self._standins.values())))

    async def _reset(self, request: web.Request) -> Any:
        """A fresh world at the same moment: the clock never goes back."""
        read_fields(await request.json() if request.body_exists else {})
        async with self._resetting:
            if self._app is not None:
                await self._app.forget()
            for standin in self._standins.values():
                await standin.reset()
            self._kernel.faults.clear()
            self._kernel.calls.clear()
            if self._app is not None:
                await self._app.start()
        self._kernel.feed.publish("reset")
        return {"ok": True}

    async def _member(self, request: web.Request) -> Any:
        """In every vendor that knows both the group and the person; in one at least."""
        body = read_fields(await request.json(), group=str, user=str, in_=bool)
        problems: list[str] = []
        for vendor in self._memberships:
            try:
                vendor.set_member(body["group"], body["user"], present=body["in"])
            except ValueError as error:
                problems.append(str(error))
        if len(problems) == len(self._memberships):
            raise BadDriveError("; ".join(problems))
        return {"ok": True}

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: what changed, for a page that then asks for what it shows."""
        stream = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await stream.prepare(request)
        queue = self._kernel.feed.listen()
        try:
            await stream.write(b": open\n\n")
            while (event := await _next(queue)).get("topic") != "bye":
                line = f"data: {json.dumps(event)}\n\n" if event else ": still here\n\n"
                await stream.write(line.encode())
        except ConnectionResetError:
            pass  # the page was closed
        finally:
            self._kernel.feed.leave(queue)
        return stream


async def _next(queue: asyncio.Queue[dict[str, Any]]) -> dict[str, Any]:
    """The next event; empty when none came for a while."""
    try:
        async with asyncio.timeout(_BEAT):
            return await queue.get()
    except TimeoutError:
        return {}


def _answering(handler: Callable[[web.Request], Awaitable[Any]]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await handler(request))
        except ValueError as error:  # bad JSON, a bad number, or BadDriveError
            return web.json_response({"error": str(error)}, status=400)

    return answer
