"""One listening socket."""

import asyncio
import socket
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web

from qbot.errors import PermanentError
from qbot.web.server import Server


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
async def test_so_many_are_talked_with_at_a_time_and_others_are_sent_away() -> None:
    server = Server(web.Application(), "127.0.0.1:0", setting="QBOT_LISTEN", most=2)
    await server.start()
    here = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    assert await asked(*here[1]) == b"HTTP/1.1 404 Not Found\r\n"
    late, out = await asyncio.open_connection("127.0.0.1", server.port)
    assert (await late.read()).startswith(b"HTTP/1.1 503 ")
    for _, writer in (*here, (late, out)):
        writer.close()
        await writer.wait_closed()
    while True:  # until it has noticed that they left
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        said = await asked(reader, writer)
        writer.close()
        await writer.wait_closed()
        if b"404" in said:
            break
    await server.stop()


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


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The first line of the answer to a plain request."""
    writer.write(b"GET / HTTP/1.1\r\nHost: q\r\n\r\n")
    return await reader.readline()
