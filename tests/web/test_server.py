"""One listening socket."""

import socket

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
