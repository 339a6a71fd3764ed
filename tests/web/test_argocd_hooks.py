"""Argo CD's notifications: a token proves the sender, and what they say is only looked at."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from qbot.domain.environment import Environment
from qbot.domain.names import BASE, EnvId, ServiceName
from qbot.errors import TransientError
from qbot.operations.hints import Hint, Hints
from qbot.web.hooks.argocd import MAX_BODY, PATH, ArgoCDHooks, hint_of
from tests.clocks import HandClock
from tests.operations.scene import Scene, scene
from tests.sandbox.slack.stage import served

__all__ = ["scene"]
TOKENS = {"main": "token-of-main", "second": "token-of-second"}
SAID = {"app": "qbot-x-cart", "project": "qbot-x"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Door:
    """The endpoint, served."""

    url: str
    http: aiohttp.ClientSession
    heard: list[Hint]
    counted: Counter[str]
    busy: bool = False

    async def post(self, body: Any, headers: dict[str, str]) -> int:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(self.url + PATH, data=data, headers=headers) as answer:
            await answer.read()
            return answer.status


@pytest.fixture(params=[TOKENS])
async def door(request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    async with aiohttp.ClientSession() as http:
        made = Door("", http, [], Counter())

        def hear(hint: Hint) -> bool:
            made.heard.append(hint)
            return not made.busy

        hooks = ArgoCDHooks(
            tokens=request.param,
            hear=hear,
            now=HandClock().now,
            counted=lambda _, what: made.counted.update([what]),
        )
        app = web.Application()
        app.add_routes(hooks.routes())
        async with served(app) as made.url:
            yield made


async def test_the_token_says_which_argocd_it_is(door: Door) -> None:
    for name, token in TOKENS.items():
        assert await door.post(SAID | {"health": "Degraded"}, bearer(token)) == 200
        assert door.heard[-1] == Hint(name, "qbot-x", "qbot-x-cart")


@pytest.mark.incident("missing-proof")
async def test_without_a_token_nothing_is_heard(door: Door) -> None:
    refused: list[dict[str, str]] = [
        {}, {"Authorization": ""}, {"Authorization": "Bearer "}, bearer("wrong"),
        {"Authorization": TOKENS["main"]}, {"Authorization": f"bearer {TOKENS['main']}"},
        bearer(TOKENS["main"] + "\u00e9"),
    ]  # fmt: skip
    for headers in refused:
        assert await door.post(SAID, headers) == 401, headers
    assert door.heard == []


async def test_what_is_no_notification_is_refused(door: Door) -> None:
    spoiled: list[Any] = [
        b"", b"\xff", b"[" * 100_000, [], None, {}, {"app": "a"}, {"app": [], "project": "p"},
        {"app": "a" * 64, "project": "p"}, {"app": "a", "project": ""},
    ]  # fmt: skip
    for body in spoiled:
        assert await door.post(body, bearer(TOKENS["main"])) == 400, body
    assert await door.post(b"x" * (MAX_BODY + 1), bearer(TOKENS["main"])) == 413
    assert door.heard == []


async def test_too_much_to_do_is_told(door: Door) -> None:
    door.busy = True
    assert await door.post(SAID, bearer(TOKENS["main"])) == 503


@pytest.mark.parametrize("door", [{}], indirect=True)
async def test_where_nothing_is_set_up_it_says_so(door: Door) -> None:
    assert await door.post(SAID, bearer("")) == 503
    assert door.counted == {"not-configured": 1}


def test_a_hint_names_an_application_and_its_project() -> None:
    assert hint_of("main", json.dumps(SAID).encode()) == Hint("main", "qbot-x", "qbot-x-cart")


@dataclass
class Instance:
    """Notes what is looked at."""

    seen: list[tuple[EnvId, ServiceName]] = field(default_factory=list)
    wait: asyncio.Event | None = None
    error: Exception | None = None

    async def hint(self, env: Environment, service: ServiceName) -> None:
        if self.wait:
            await self.wait.wait()
        self.seen.append((env.id, service))
        if self.error:
            raise self.error


async def looked(hints: Hints) -> None:
    while tasks := list(hints._tasks):
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)


async def test_what_is_hinted_at_is_looked_at_if_it_is_qbots(scene: Scene) -> None:
    await scene.create()
    env = await scene.env()
    argocd = Instance()
    hints = Hints(scene.database.store, {"main": argocd})
    told = [
        Hint("main", env.name, env.app(ServiceName("cart"))),
        Hint("main", env.name, env.app(BASE)),
        Hint("main", env.name, env.app(ServiceName("nothing"))),
        Hint("main", env.branch, env.app(ServiceName("cart"))),
        Hint("main", "production", "production-cart"),
        Hint("other", env.name, env.app(ServiceName("cart"))),
    ]
    for hint in told:
        assert hints.hear(hint)
    await looked(hints)
    assert set(argocd.seen) == {(env.id, ServiceName("cart")), (env.id, BASE)}
    argocd.error = TransientError("Argo CD is away")
    hints.hear(told[0])
    await looked(hints)
    await hints.stop()


async def test_the_same_hint_is_followed_once_and_too_many_are_refused(scene: Scene) -> None:
    await scene.create()
    env = await scene.env()
    argocd = Instance(wait=asyncio.Event())
    hints = Hints(scene.database.store, {"main": argocd})
    cart = Hint("main", env.name, env.app(ServiceName("cart")))
    for _ in range(600):
        assert hints.hear(cart)
    answers = [hints.hear(Hint("main", f"p{n}", "a")) for n in range(600)]
    assert not answers[-1]
    argocd.wait.set()  # type: ignore[union-attr]
    await looked(hints)
    assert argocd.seen == [(env.id, ServiceName("cart"))]
    await hints.stop()
