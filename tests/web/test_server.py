"""One listening socket."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from qbot.errors import PermanentError
from qbot.web.server import Server

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def test_it_listens_until_it_is_stopped_and_knows_its_port() -> None:
    server = Server(web.Application(), "127.0.0.1:0", setting="QBOT_LISTEN")
    await server.start()
    assert server.port > 0
    async with aiohttp.ClientSession() as http:
        async with http.get(f"http://127.0.0.1:{server.port}/") as answer:
            assert answer.status == 404
        await server.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(f"http://127.0.0.1:{server.port}/")


@pytest.mark.parametrize("setting", ["QBOT_LISTEN", "QBOT_ADMIN_LISTEN"])
async def test_a_taken_address_names_its_setting(setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server(web.Application(), f"127.0.0.1:{port}", setting=setting)
        with pytest.raises(PermanentError) as refused:
            await server.start()
    assert str(refused.value).startswith(f"{setting}: cannot listen on 127.0.0.1:{port}: ")


@pytest.mark.parametrize("address", ["192.0.2.1:0", "no-such-host.invalid:0"])
async def test_an_address_that_is_not_ours_is_named(address: str) -> None:
    server = Server(web.Application(), address, setting="QBOT_LISTEN")
    with pytest.raises(PermanentError, match="QBOT_LISTEN: cannot listen on"):
        await server.start()


@pytest.mark.incident("unbounded-body")
async def test_so_many_are_answered_at_a_time_and_others_are_sent_away() -> None:
    began, done = asyncio.Semaphore(0), asyncio.Event()

    async def long(_: web.Request) -> web.Response:
        began.release()
        await done.wait()
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/", long)])
    async with serving(app, most=2) as port:
        busy = [asyncio.create_task(asked(port)) for _ in range(2)]
        for _ in busy:
            await began.acquire()
        assert b" 503 " in await asked(port)
        done.set()
        assert [b" 200 " in said for said in await asyncio.gather(*busy)] == [True, True]
        assert b" 200 " in await asked(port)


@pytest.mark.incident("unbounded-body")
async def test_who_asks_nothing_keeps_nobody_out_and_goes_before_who_asked() -> None:
    async with serving(web.Application(), most=3) as port, AsyncExitStack() as open_:
        kept = await open_.enter_async_context(connected(port))
        assert b"404" in await question(*kept)
        strangers = [await open_.enter_async_context(connected(port)) for _ in range(5)]
        assert b"404" in await question(*strangers[-1])
        assert b"404" in await question(*kept)
        for reader, _ in strangers[:3]:
            assert await reader.read() == b""


@pytest.mark.incident("unbounded-body")
@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: q\r\nX-Slow: "])
async def test_the_first_head_is_waited_for_less_long_than_the_next(said: bytes) -> None:
    async with (
        serving(web.Application(), first=0.1) as port,
        connected(port) as (reader, writer),
        connected(port) as (other, asking),
    ):
        assert b"404" in await question(other, asking)
        writer.write(said)
        assert await reader.read() == b""
        assert b"404" in await question(other, asking)


@pytest.mark.incident("unbounded-body")
@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: q\r\nX-Slow: "])
async def test_who_never_comes_to_the_point_is_hung_up_on(said: bytes) -> None:
    server = Server(web.Application(), "127.0.0.1:0", setting="QBOT_LISTEN", patience=0.1)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(said)

    async def drip() -> None:
        while True:
            writer.write(b"a" if said else b"")
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    with suppress(ConnectionError):
        assert await reader.read() == b""
    dripping.cancel()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    await server.stop()


@pytest.mark.incident("unbounded-body")
@pytest.mark.parametrize(
    "head",
    [b"X: " + b"a" * 9_000 + b"\r\n", b"X: a\r\n" * 200],
    ids=["one that is long", "many"],
)
async def test_headers_without_an_end_are_refused(head: bytes) -> None:
    server = Server(web.Application(), "127.0.0.1:0", setting="QBOT_LISTEN")
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: q\r\n" + head + b"\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    await server.stop()


@asynccontextmanager
async def serving(app: web.Application, **how: Any) -> AsyncIterator[int]:
    """The port."""
    server = Server(app, "127.0.0.1:0", setting="QBOT_LISTEN", **how)
    await server.start()
    yield server.port
    await server.stop()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Streams]:
    """A connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def question(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The head of the answer to a plain request, whose body is read as well."""
    writer.write(b"GET / HTTP/1.1\r\nHost: q\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = re.findall(rb"Content-Length: (\d+)", head)
    await reader.readexactly(int(length))
    return head


async def asked(port: int) -> bytes:
    """The head of the answer on a connection of its own."""
    async with connected(port) as streams:
        return await question(*streams)
