"""One listening socket with an aiohttp application behind it, and what strangers may take of it.

aiohttp limits lines and headers, and waits for the head of a request as long as between two
requests; it does not limit how many connect. Addresses are not counted: behind a proxy all come
from one. Where too many are connected, one that asks nothing gives way to the next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from typing_extensions import override

from qbot.errors import PermanentError

MOST: Final = 1_000  # connections at a time: a proxy in front of Qbot keeps a few dozen
PATIENCE: Final = 75.0  # seconds; proxies close what rests for a minute, and have to be first
FIRST: Final = 10.0  # seconds for the first head: who connects has something to ask
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
        first: float = FIRST,
    ) -> None:
        """Bind later.

        Args:
            app: what answers.
            address: HOST:PORT; an IPv6 host stands in brackets.
            setting: where the address was configured, for errors.
            most: connections at a time; while all of them are being answered, whoever comes is
                sent away.
            patience: seconds for the head of a request.
            first: seconds for the head of a connection's first request.
        """
        host, _, port = address.rpartition(":")
        self._host = host.strip("[]")
        self._setting = setting
        self.port = int(port)
        self._most = most
        self._patience = patience
        self._first = first
        self._resting = _Resting()
        app.middlewares.insert(0, _busy)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
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
        if talks is None:
            return _Full()
        if len(talks.connections) >= self._most and not self._resting.send_one_away():
            return _Full()
        how = {"access_log": None, "keepalive_timeout": self._patience}
        return _Talk(talks, self._resting, first=self._first, **how)

    async def stop(self) -> None:
        """Finish what is being answered, for at most two seconds."""
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()


class _Talk(web.RequestHandler):
    """One connection: it is busy, or it rests."""

    def __init__(self, talks: web.Server, resting: "_Resting", *, first: float, **how: Any) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(talks, loop=loop, **how)
        self.has_asked = False
        self._resting = resting
        self._late = loop.call_later(first, self._hurry)

    def _hurry(self) -> None:
        if not self.has_asked:
            self.force_close()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._resting[self] = None

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        self._late.cancel()
        self._resting.pop(self, None)
        super().connection_lost(exc)

    def begins(self) -> None:
        """A request is being answered."""
        self.has_asked = True
        self._resting.pop(self, None)

    def ends(self) -> None:
        """It was."""
        if self.transport is not None:
            self._resting[self] = None


class _Resting(dict[_Talk, None]):
    """Connections that ask nothing; who does so for longest is first."""

    def send_one_away(self) -> bool:
        """Rather one that never asked anything; False: all are busy."""
        found = next((t for t in self if not t.has_asked), next(iter(self), None))
        if found is None:
            return False
        del self[found]
        found.force_close()
        return True


@web.middleware
async def _busy(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    talk = request.protocol
    if not isinstance(talk, _Talk):
        return await handler(request)
    talk.begins()
    try:
        return await handler(request)
    finally:
        talk.ends()


class _Full(asyncio.Protocol):
    """Says that there is no room, and hangs up."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_FULL)
        transport.close()
