"""One connection that hears what other sessions notify (LISTEN), for as long as the store is open.

Notifications are lost while it is down, so every new connection wakes everybody once.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg
import structlog

from qbot.store.statements import Channel

_AGAIN_SECONDS = 1.0
_log = structlog.get_logger()


def channel_name(channel: Channel) -> str:
    """As PostgreSQL knows it; other programs may use the same database."""
    return f"qbot_{channel.value}"


class Hearing:
    """Starts with the first listener."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._listeners: dict[Channel, list[Callable[[], None]]] = {c: [] for c in Channel}
        self._task: asyncio.Task[None] | None = None

    def add(self, channel: Channel, wake: Callable[[], None]) -> None:
        """Call `wake` for every notification, and after every reconnect."""
        self._listeners[channel].append(wake)
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name="database notifications")

    async def close(self) -> None:
        """Stop hearing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self) -> None:
        while True:
            try:
                await self._hear()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.info("database notifications interrupted", reason=type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _hear(self) -> None:
        """Until the connection is lost."""
        connection = await asyncpg.connect(self._url, timeout=self._timeout)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda *_: lost.set())
        try:
            for channel in Channel:
                await connection.add_listener(channel_name(channel), self._heard)
            for channel in Channel:
                self._wake(channel)
            await lost.wait()
        finally:
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, name: str, _payload: object) -> None:
        self._wake(Channel(name.removeprefix("qbot_")))

    def _wake(self, channel: Channel) -> None:
        for wake in self._listeners[channel]:
            wake()
