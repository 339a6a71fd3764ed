"""The one place that every transaction passes: how long it took."""

from collections.abc import Callable
from time import perf_counter
from typing import TypeAlias

from qbot.domain.meters import Ran, uncounted
from qbot.errors import TransientError
from qbot.store.statements import Channel, Driver, Script, T

Told: TypeAlias = Callable[[TransientError | None, float], None]
"""Told of each transaction: why there was no answer (None: there was), and seconds."""


class TimedDriver:
    """Implements `Driver` by another one.

    Args:
        driver: does the work.
        ran: told of each transaction, however it ends.
        told: of each, by whether the database answered.
    """

    def __init__(self, driver: Driver, ran: Ran, told: Told = uncounted) -> None:
        self._driver = driver
        self._ran = ran
        self._told = told

    @property
    def dialect(self) -> str:
        """Of the driver."""
        return self._driver.dialect

    async def run(self, script: Script[T]) -> T:
        """Run it; counted however it ends."""
        began = perf_counter()
        try:
            result = await self._driver.run(script)
        except TransientError as error:
            self._told(error, perf_counter() - began)
            raise
        else:
            self._told(None, perf_counter() - began)
            return result
        finally:
            self._ran(perf_counter() - began)

    def listen(self, channel: Channel, wake: Callable[[], None]) -> None:
        """As the driver does."""
        self._driver.listen(channel, wake)

    async def close(self) -> None:
        """Close the driver."""
        await self._driver.close()
