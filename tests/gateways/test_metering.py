"""Each call to a vendor is counted once, by how it was answered; real connections."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol

import httpx
import pytest
from aiohttp import web

from qbot.domain.ports import Fenced
from qbot.errors import QbotError
from qbot.gateways.argocd.client import Client
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import open_gitlab
from qbot.gateways.metering import measured
from qbot.gateways.slack import open_slack
from qbot.sandbox.demo import free_port
from tests.sandbox.slack.stage import served


class Told:
    """What was counted."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int | None]] = []

    def __call__(self, vendor: str, status: int | None, seconds: float) -> None:
        assert 0 <= seconds < 30
        self.calls.append((vendor, status))


Ask = Callable[[], Awaitable[object]]


class Vendor(Protocol):
    """Opens a gateway, and says what it can be asked; its name is the vendor's."""

    __name__: str

    def __call__(self, url: str, told: Told) -> AbstractAsyncContextManager[Ask]: ...


@asynccontextmanager
async def argocd(url: str, told: Told) -> AsyncIterator[Ask]:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        client = Client(http=http, clock=SystemClock(), called=told)
        yield lambda: client.call("GET", "/applications", what="list Applications")


@asynccontextmanager
async def gitlab(url: str, told: Told) -> AsyncIterator[Ask]:
    gateway = open_gitlab(url, "glpat-1", clock=SystemClock(), called=told)
    yield gateway.check_token
    await gateway.close()


@asynccontextmanager
async def slack(url: str, told: Told) -> AsyncIterator[Ask]:
    async with open_slack("xoxb-1", f"{url}/api/", called=told) as gateway:
        yield gateway.identity


def answering(status: int, body: str) -> web.Application:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    return app


async def tried(ask: Ask) -> None:
    """What comes of it is not the question."""
    with suppress(QbotError, KeyError):
        await ask()


@pytest.mark.parametrize("vendor", [argocd, gitlab, slack])
@pytest.mark.parametrize("status", [200, 404, 503])
async def test_an_answer_counts_by_its_status(vendor: Vendor, status: int) -> None:
    told = Told()
    async with served(answering(status, '{"ok": true}')) as url, vendor(url, told) as ask:
        await tried(ask)
    assert told.calls
    assert set(told.calls) == {(vendor.__name__, status)}


@pytest.mark.parametrize("vendor", [argocd, gitlab, slack])
async def test_without_an_answer_there_is_no_status(vendor: Vendor) -> None:
    told = Told()
    async with vendor(f"http://127.0.0.1:{free_port()}", told) as ask:
        await tried(ask)
    assert told.calls == [(vendor.__name__, None)]


@pytest.mark.parametrize(("word", "status"), [("invalid_auth", 400), ("ratelimited", 429)])
async def test_slacks_no_counts_as_others_would_say_it(word: str, status: int) -> None:
    told = Told()
    no = answering(200, f'{{"ok": false, "error": "{word}"}}')
    async with served(no) as url, slack(url, told) as ask:
        await tried(ask)
    assert told.calls == [("slack", status)]


def test_what_the_lease_held_back_was_no_call() -> None:
    told = Told()
    with pytest.raises(Fenced), measured(told, "argocd"):
        raise Fenced
    assert told.calls == []
