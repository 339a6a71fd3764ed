"""The live view: what Argo CD's streams say of the environments that somebody waits for.

One stream per shard that is listened to, not one for all: the server drops events silently
beyond 1,000 that a stream has not taken, a cut costs a sixteenth, and nobody pays for
environments where nothing is under way. Sixteen streams at most, however many operations.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime

from qbot.domain.environment import Environment
from qbot.domain.health import AppState
from qbot.domain.names import ServiceName
from qbot.domain.ports import Clock
from qbot.errors import PermanentError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.shard import BEGINS_WITHIN, Shard


class LiveView:
    """Opens streams as they are needed and lets go of them some minutes after the last use.

    Args:
        client: the connection.
        clock: for pauses and for `silent_since`.
        jitter: numbers between 0 and 1, so that replicas do not act in step.
        begins_within: seconds after which a stream without headers is opened anew.
    """

    def __init__(
        self,
        *,
        client: Client,
        clock: Clock,
        jitter: Callable[[], float],
        begins_within: float = BEGINS_WITHIN,
    ) -> None:
        self._client = client
        self._clock = clock
        self._jitter = jitter
        self._begins_within = begins_within
        self._shards: dict[int, Shard] = {}

    async def watch(self, env: Environment) -> AsyncGenerator[Mapping[ServiceName, AppState]]:
        """The environment's states at once after the first list, then on every change.

        Changes that come while the last one is being looked at arrive as one.

        Raises:
            PermanentError: Argo CD refuses the token, or its URL is wrong.
        """
        shard = self._shard(env.shard)
        with shard.table.listen(env.id) as changed:
            while True:
                if shard.failure is not None:
                    raise PermanentError(str(shard.failure))
                changed.clear()
                if shard.listed:
                    yield shard.table.of(env.id)
                await changed.wait()

    def offer(self, env: Environment, state: AppState) -> None:
        """What a call has just answered is news as well."""
        if shard := self._shards.get(env.shard):
            shard.table.offer(state)

    def knows(self, env: Environment, service: ServiceName) -> bool:
        """Whether an Application with this environment's label was seen."""
        shard = self._shards.get(env.shard)
        return shard is not None and shard.table.get((env.id, service)) is not None

    def silent_since(self) -> datetime | None:
        """Since when some stream and its list both fail; None while all are heard."""
        silent = [s.silent for s in self._shards.values() if s.silent and not s.ended]
        return min(silent, default=None)

    async def close(self) -> None:
        """End all streams."""
        for shard in self._shards.values():
            await shard.close()

    def _shard(self, number: int) -> Shard:
        shard = self._shards.get(number)
        if shard is None or shard.ended:
            shard = Shard(
                number,
                client=self._client,
                clock=self._clock,
                jitter=self._jitter,
                begins_within=self._begins_within,
            )
            self._shards[number] = shard
        return shard
