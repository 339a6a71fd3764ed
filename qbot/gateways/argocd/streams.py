"""The streams that are open: opened when somebody waits, let go of some minutes after."""

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime

from qbot.domain.health import AppState
from qbot.domain.names import EnvId, ServiceName
from qbot.domain.ports import Clock
from qbot.errors import PermanentError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.scopes import Scope
from qbot.gateways.argocd.shard import BEGINS_WITHIN, Shard


class Streams:
    """One for each scope that is listened to, however many listen.

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
        self._shards: dict[str, Shard] = {}

    async def follow(
        self, scope: Scope, env: EnvId
    ) -> AsyncGenerator[Mapping[ServiceName, AppState]]:
        """The states of `env` within the scope, after the first list and then on every change.

        Changes that come while the last one is being looked at arrive as one.

        Raises:
            PermanentError: Argo CD refuses the token, or its URL is wrong.
        """
        shard = self._opened(scope)
        with shard.table.listen(env) as changed:
            while True:
                if shard.failure is not None:
                    raise PermanentError(str(shard.failure))
                changed.clear()
                if shard.listed:
                    yield shard.table.of(env)
                await changed.wait()

    def find(self, scope: Scope) -> Shard | None:
        """The stream of a scope, if there is one."""
        return self._shards.get(scope.name)

    def silent_since(self) -> datetime | None:
        """Since when some stream and its list both fail; None while all are heard."""
        silent = [s.silent for s in self._shards.values() if s.silent and not s.ended]
        return min(silent, default=None)

    async def close(self) -> None:
        """End all of them."""
        for shard in self._shards.values():
            await shard.close()

    def _opened(self, scope: Scope) -> Shard:
        shard = self._shards.get(scope.name)
        if shard is None or shard.ended:
            shard = Shard(
                scope,
                client=self._client,
                clock=self._clock,
                jitter=self._jitter,
                begins_within=self._begins_within,
            )
            self._shards[scope.name] = shard
        return shard
