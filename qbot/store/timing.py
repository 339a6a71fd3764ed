"""The one place that every transaction passes: how long it took."""

from collections.abc import Callable
from time import perf_counter

from qbot.domain.meters import Ran
from qbot.store.statements import Channel, Driver, Script, T


class TimedDriver:
    """Implements `Driver` by another one."""

    def __init__(self, driver: Driver, ran: Ran) -> None:
        self._driver = driver
        self._ran = ran

    @property
    def dialect(self) -> str:
        """Of the driver."""
        return self._driver.dialect

    async def run(self, script: Script[T]) -> T:
        """Run it; counted however it ends."""
        began = perf_counter()
        try:
            return await self._driver.run(script)
        finally:
            self._ran(perf_counter() - began)

    def listen(self, channel: Channel, wake: Callable[[], None]) -> None:
        """As the driver does."""
        self._driver.listen(channel, wake)

    async def close(self) -> None:
        """Close the driver."""
        await self._driver.close()
