"""What Argo CD's notifications tell, to whom, and what becomes of them on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from qbot.sandbox.argocd.notifications import occasions, told_of
from tests.sandbox.argocd.world import Argo, Json, base, cart, ready, running

MANAGED = {"qbot.dev/managed": "true"}
NAME = "qbot-x-cart"


class Receiver:
    """Keeps what arrives, with its token; answers as it is told."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        self.tokens: set[str] = set()
        self.statuses: list[int] = []  # of the next answers; then all is well

    async def receive(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.tokens.add(request.headers["Authorization"])
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    def of(self, name: str) -> list[Json]:
        return [body for body in self.bodies if body["app"] == name]


@asynccontextmanager
async def notifying() -> AsyncIterator[tuple[Argo, Receiver]]:
    """A stand-in whose notifications are on, and an environment without services."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.receive)
    server = TestServer(app)
    await server.start_server()
    try:
        async with running(notify=str(server.make_url("/hook"))) as argo:
            await argo.environment()
            response = await argo.drive.post("/drive/notifications", json={"on": True})
            assert response.status_code == 200
            yield argo, receiver
    finally:
        await server.close()


def managed() -> Json:
    """An Application that is told of, and that somebody else keeps from going."""
    app = cart()
    app["metadata"]["labels"] |= MANAGED
    app["metadata"]["finalizers"].append("elsewhere.example/finalizer")
    return app


async def test_a_life_is_told_with_a_bearer_token() -> None:
    async with notifying() as (argo, receiver):
        await argo.create(managed())
        await argo.until(lambda: [b for b in receiver.of(NAME) if b["health"] == "Healthy"])
        told = receiver.of(NAME)[-1]
        app = argo.app(NAME)
        assert (told["project"], told["uid"]) == ("qbot-x", app["metadata"]["uid"])
        assert (told["sync"], told["operationState"]["phase"]) == ("Synced", "Succeeded")
        assert receiver.tokens == {f"Bearer {argo.standin.notify_token}"}
        await argo.pin(health="Degraded", message="no")
        await argo.until(lambda: [b for b in receiver.of(NAME) if b["health"] == "Degraded"])
        await argo.delete(NAME)
        await argo.until(lambda: [b for b in receiver.of(NAME) if b["deletionTimestamp"]])


async def test_the_unlabelled_are_told_to_nobody_and_nothing_is_while_off() -> None:
    async with notifying() as (argo, receiver):
        await argo.create(cart())
        await argo.until(lambda: ready(argo.app(NAME)))
        await argo.drive.post("/drive/notifications", json={"on": False})
        argo.label(NAME, **MANAGED)
        await argo.drive.post("/drive/notifications", json={"on": True})
        assert receiver.bodies == []
        argo.label(NAME, again="yes")
        (told,) = await argo.until(lambda: receiver.of(NAME)[1:] and [receiver.of(NAME)[0]])
        assert told["labels"]["again"] == "yes"


async def test_an_answer_of_5xx_is_tried_again_three_times_and_one_of_4xx_never() -> None:
    async with notifying() as (argo, receiver):
        await argo.create(cart())
        await argo.until(lambda: ready(argo.app(NAME)))
        receiver.statuses = [401, 503, 429, 503, 500]
        argo.label(NAME, **MANAGED)

        def tried() -> bool:
            argo.kernel.clock.advance(1)
            return len(receiver.bodies) >= 5

        await argo.until(tried)
        argo.kernel.clock.advance(60)
        assert len(receiver.bodies) == 5
        assert {body["resourceVersion"] for body in receiver.bodies} == {
            receiver.bodies[0]["resourceVersion"]
        }


@pytest.mark.parametrize(
    ("kind", "arrive"), [("lose", 1), ("duplicate", 3), ("slow:60", 1), ("503", 1)]
)
async def test_a_notification_can_go_wrong(kind: str, arrive: int) -> None:
    """An Application that is well has two things to tell: one goes wrong."""
    async with notifying() as (argo, receiver):
        await argo.create(cart())
        await argo.until(lambda: ready(argo.app(NAME)))
        argo.kernel.faults.add("argocd", f"DELIVER {NAME}", kind, 1)
        argo.label(NAME, **MANAGED)
        await argo.until(lambda: len(receiver.bodies) >= arrive)
        assert not argo.kernel.faults.left()
        assert len(receiver.bodies) == arrive
        if kind in ("slow:60", "503"):
            argo.kernel.clock.advance(61)
            await argo.until(lambda: len(receiver.bodies) == 2)


async def test_a_bad_order_says_what_is_wrong(argo: Argo) -> None:
    for body, error in (({"on": 1}, "on must be true or false"), ({"off": True}, "unknown fields")):
        response = await argo.drive.post("/drive/notifications", json=body)
        assert response.status_code == 400
        assert error in response.json()["error"]


def app(**status: Any) -> Json:
    metadata = {"name": NAME, "namespace": "argocd", "uid": "u", "resourceVersion": "1"}
    spec = base()["spec"]
    return {"metadata": metadata, "spec": spec, "status": status}


def test_nothing_is_told_before_the_status_is_newer_than_the_operation() -> None:
    done = {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:09Z"}
    well = {
        "health": {"status": "Healthy", "lastTransitionTime": "t"},
        "sync": {"status": "Synced"},
    }
    early = app(operationState=done, reconciledAt="2026-01-01T00:00:08Z", **well)
    assert list(occasions(early)) == []
    late = app(operationState=done, reconciledAt="2026-01-01T00:00:09Z", **well)
    assert list(occasions(late)) == ["ended 2026-01-01T00:00:09Z", "healthy t"]
    assert told_of(app())["operationState"] is None
