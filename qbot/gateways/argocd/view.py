"""The live view: what Argo CD's streams say of the environments that somebody waits for.

One stream per shard that is listened to, not one for all: the server drops events silently
beyond 1,000 that a stream has not taken, a cut costs a sixteenth, and nobody pays for
environments where nothing is under way. Sixteen streams at most, however many operations.
"""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime

from qbot.domain.environment import Environment
from qbot.domain.health import AppState
from qbot.domain.names import ServiceName
from qbot.gateways.argocd.scopes import EnvironmentsScope
from qbot.gateways.argocd.streams import Streams


class LiveView:
    """The branch environments' part of what is streamed."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def watch(self, env: Environment) -> AsyncGenerator[Mapping[ServiceName, AppState]]:
        """The environment's states at once after the first list, then on every change.

        Raises:
            PermanentError: Argo CD refuses the token, or its URL is wrong.
        """
        return self._streams.follow(EnvironmentsScope(env.shard), env.id)

    def offer(self, env: Environment, state: AppState) -> None:
        """What a call has just answered is news as well."""
        if shard := self._streams.find(EnvironmentsScope(env.shard)):
            shard.table.offer(state)

    def knows(self, env: Environment, service: ServiceName) -> bool:
        """Whether an Application with this environment's label was seen."""
        shard = self._streams.find(EnvironmentsScope(env.shard))
        return shard is not None and shard.table.get((env.id, service)) is not None

    def is_followed(self, env: Environment) -> bool:
        """Whether anybody listens, so that news of it would be heard."""
        return self._streams.find(EnvironmentsScope(env.shard)) is not None

    def silent_since(self) -> datetime | None:
        """Since when some stream and its list both fail; None while all are heard."""
        return self._streams.silent_since()

    async def close(self) -> None:
        """End all streams."""
        await self._streams.close()
