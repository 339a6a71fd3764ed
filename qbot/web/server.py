"""One listening socket with an aiohttp application behind it, and what strangers may take of it.

aiohttp limits lines and headers, and waits for the head of a request as long as between two
requests; it does not limit how many connect.
"""

import asyncio
from typing import Final

from aiohttp import web
from typing_extensions import override

from qbot.errors import PermanentError

MOST: Final = 1_000  # connections at a time: a proxy in front of Qbot keeps a few dozen
PATIENCE: Final = 75.0  # seconds; proxies close what rests for a minute, and have to be first
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Server:
    """Starts and stops; `port` is the real one, also where 0 was asked for."""

    def __init__(
        self,
        app: web.Application,
        address: str,
        *,
        setting: str,
        most: int = MOST,
        patience: float = PATIENCE,
    ) -> None:
        """Bind later.

        Args:
            app: what answers.
            address: HOST:PORT; an IPv6 host stands in brackets.
            setting: where the address was configured, for errors.
            most: connections at a time; whoever comes then is sent away.
            patience: seconds for the head of a request.
        """
        host, _, port = address.rpartition(":")
        self._host = host.strip("[]")
        self._setting = setting
        self.port = int(port)
        self._most = most
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=2, keepalive_timeout=patience
        )
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            PermanentError: the address is taken or not ours.
        """
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(
                self._met, self._host, self.port, reuse_address=True
            )
        except OSError as error:
            await self._runner.cleanup()
            why = error.strerror or str(error)
            raise PermanentError(
                f"{self._setting}: cannot listen on {self._host}:{self.port}: {why}. "
                f"Set it to a free address of this machine."
            ) from None
        self.port = self._listener.sockets[0].getsockname()[1]

    def _met(self) -> asyncio.Protocol:
        """Who talks with the next one that connects."""
        talks = self._runner.server
        if talks is None or len(talks.connections) >= self._most:
            return _Full()
        return talks()

    async def stop(self) -> None:
        """Finish what is being answered, for at most two seconds."""
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()


class _Full(asyncio.Protocol):
    """Says that there is no room, and hangs up."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_FULL)
        transport.close()
