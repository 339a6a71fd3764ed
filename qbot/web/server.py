"""One listening socket with an aiohttp application behind it."""

from aiohttp import web

from qbot.errors import PermanentError


class Server:
    """Starts and stops; `port` is the real one, also where 0 was asked for."""

    def __init__(self, app: web.Application, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._host = host.strip("[]")
        self.port = int(port)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=3)

    async def start(self) -> None:
        """Listen.

        Raises:
            PermanentError: the address is taken or not ours.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise PermanentError(
                f"Cannot listen on {self._host}:{self.port}: {error.strerror}. "
                "Set QBOT_LISTEN and QBOT_ADMIN_LISTEN to free addresses."
            ) from None
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Finish what is being answered, for at most three seconds."""
        await self._runner.cleanup()
