"""One listening socket with an aiohttp application behind it."""

from aiohttp import web

from qbot.errors import PermanentError


class Server:
    """Starts and stops; `port` is the real one, also where 0 was asked for."""

    def __init__(self, app: web.Application, address: str, *, setting: str) -> None:
        """Bind later.

        Args:
            app: what answers.
            address: HOST:PORT; an IPv6 host stands in brackets.
            setting: where the address was configured, for errors.
        """
        host, _, port = address.rpartition(":")
        self._host = host.strip("[]")
        self._setting = setting
        self.port = int(port)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)

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
            why = error.strerror or str(error)
            raise PermanentError(
                f"{self._setting}: cannot listen on {self._host}:{self.port}: {why}. "
                f"Set it to a free address of this machine."
            ) from None
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Finish what is being answered, for at most two seconds."""
        await self._runner.cleanup()
