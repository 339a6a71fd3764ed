"""Environments are asked over real sockets, and nobody else is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from qbot.domain.ready import Answer
from qbot.gateways.addresses import AddressGateway, open_addresses


@dataclass
class Shop:
    """Answers as a test says."""

    url: str = ""
    status: int = 200
    onward: str = ""  # where it leads
    hangs: bool = False
    seen: list[web.Request] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        if self.hangs:
            await asyncio.sleep(30)
        if self.onward and request.path == "/":
            return web.Response(status=302, headers={"Location": self.onward})
        return web.Response(status=self.status, headers={"Set-Cookie": "who=me; Path=/"})


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    made = Shop()
    app = web.Application()
    app.router.add_route("GET", "/{path:.*}", made.handle)
    server = TestServer(app, shutdown_timeout=0.1)
    await server.start_server()
    made.url = str(server.make_url("/"))
    yield made
    await server.close()


@pytest.fixture
async def addresses() -> AsyncIterator[AddressGateway]:
    made = open_addresses()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("status", "good", "answer"),
    [
        (204, (), Answer(well=True, said="answers 204")),
        (503, (), Answer(well=False, said="answers 503 Service Unavailable")),
        (401, (401,), Answer(well=True, said="answers 401")),
        (200, (401,), Answer(well=False, said="answers 200 OK")),
    ],
)
async def test_any_2xx_or_the_statuses_of_the_file_count(
    shop: Shop, addresses: AddressGateway, status: int, good: tuple[int, ...], answer: Answer
) -> None:
    shop.status = status
    assert await addresses.ask(shop.url, good) == answer


async def test_a_redirect_is_followed_on_the_same_host(
    shop: Shop, addresses: AddressGateway
) -> None:
    shop.onward = "/home"
    assert (await addresses.ask(shop.url, ())).well
    assert [request.path for request in shop.seen] == ["/", "/home"]


@pytest.mark.incident("hostile-text")
@pytest.mark.parametrize(
    ("onward", "place"),
    [
        ("https://127.0.0.1/x", "https://127.0.0.1"),
        ("http://me:pw@localhost:1/", "http://localhost:1"),
        ("//other.example", "http://other.example"),
    ],
)
async def test_a_redirect_to_another_host_or_port_is_not_followed(
    shop: Shop, addresses: AddressGateway, onward: str, place: str
) -> None:
    shop.onward = onward
    answer = await addresses.ask(shop.url, ())
    assert answer == Answer(well=False, said=f"leads elsewhere: {place}")
    assert len(shop.seen) == 1


async def test_a_redirect_to_itself_ends(shop: Shop, addresses: AddressGateway) -> None:
    shop.onward = "/"
    answer = await addresses.ask(shop.url, ())
    assert answer == Answer(well=False, said="redirects more than 5 times")


async def test_a_status_that_counts_is_not_followed(shop: Shop, addresses: AddressGateway) -> None:
    shop.onward = "https://login.example/"
    assert (await addresses.ask(shop.url, (HTTPStatus.FOUND,))).well


async def test_cookies_are_not_kept(shop: Shop, addresses: AddressGateway) -> None:
    await addresses.ask(shop.url, ())
    await addresses.ask(shop.url, ())
    assert not any(request.cookies for request in shop.seen)


async def test_nobody_there_is_an_answer_as_well(addresses: AddressGateway) -> None:
    answer = await addresses.ask(f"http://127.0.0.1:{unused_port()}/", ())
    assert answer == Answer(well=False, said="does not answer (ConnectError)")


async def test_what_hangs_is_given_up(shop: Shop) -> None:
    shop.hangs = True
    async with httpx.AsyncClient() as http:
        answer = await AddressGateway(http, within=0.05).ask(shop.url, ())
    assert answer == Answer(well=False, said="does not answer within 0.05 s")
