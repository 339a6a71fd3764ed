"""An address that webhooks are sent to: keeps what arrives, and answers as it is told."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gitlab
from aiohttp import web

from tests.sandbox.gitlab.served import Served, client, serving, until

ALL = {
    "push_events": True,
    "tag_push_events": True,
    "merge_requests_events": True,
    "pipeline_events": True,
    "deployment_events": True,
    "note_events": True,
}


@dataclass(frozen=True)
class Delivery:
    headers: dict[str, str]
    raw: bytes

    @property
    def kind(self) -> str:
        return self.headers["X-Gitlab-Event"]

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = self.data["object_attributes"]
        return found


class Receiver:
    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.status = 200
        self.hangs = False
        self._over = asyncio.Event()
        self.url = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"

    async def stop(self) -> None:
        """Once nobody calls any more: a connection that is just being accepted would stay open."""
        self._over.set()
        for _ in range(20):
            await asyncio.sleep(0)
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        self.deliveries.append(Delivery(dict(request.headers), await request.read()))
        if self.hangs:
            await self._over.wait()
        return web.Response(status=self.status, text="heard")

    def of(self, kind: str) -> list[Delivery]:
        return [d for d in list(self.deliveries) if d.kind == kind]

    def wait(self, found: Callable[["Receiver"], bool]) -> None:
        until(lambda: found(self), seconds=20)

    def one(self, kind: str, wanted: Callable[[Delivery], bool] = lambda _: True) -> Delivery:
        """The only delivery of a kind that is like this, as soon as it is there."""
        self.wait(lambda r: any(wanted(d) for d in r.of(kind)))
        (found,) = [d for d in self.of(kind) if wanted(d)]
        return found


class Told:
    """A GitLab and somebody whom it tells."""

    def __init__(self, served: Served, receiver: Receiver, gl: gitlab.Gitlab) -> None:
        self.served = served
        self.receiver = receiver
        self.gl = gl
        self.cart = gl.projects.get("shop/cart")

    def hook(self, **data: Any) -> Any:
        return self.cart.hooks.create({"url": self.receiver.url, **data})

    @contextmanager
    def frontend(self, **data: Any) -> Iterator[Any]:
        """The other project, with a hook for the length of the block."""
        project = self.gl.projects.get("shop/frontend")
        hook = project.hooks.create({"url": self.receiver.url, **data})
        try:
            yield project
        finally:
            hook.delete()

    def events(self, hook_id: int, **query: Any) -> list[dict[str, Any]]:
        path = f"/projects/shop%2Fcart/hooks/{hook_id}/events"
        found: list[dict[str, Any]] = self.gl.http_list(  # type: ignore[assignment]  # a list of dicts
            path, query_data=query, get_all=True
        )
        return found

    def logged(self, hook_id: int, count: int) -> list[dict[str, Any]]:
        """The log of a hook, newest first, as soon as it has that many lines."""
        until(lambda: len(self.events(hook_id)) >= count, seconds=20)
        return self.events(hook_id)


@contextmanager
def telling(**options: Any) -> Iterator[Told]:
    with serving(services=2, **options) as served:
        receiver = Receiver()
        served.wait(receiver.start())
        try:
            with client(served) as gl:
                yield Told(served, receiver, gl)
        finally:
            served.wait(served.standin.stop())
            served.wait(receiver.stop())
