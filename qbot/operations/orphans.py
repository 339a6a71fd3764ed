"""The sweep of Argo CD: what belongs to no environment, and environments of which nothing is left.

Lists of Argo CD may be late and a list that is empty may be a mistake, so each suspicion is
confirmed by plain GETs, and counts once a second sweep has found the same. Nothing is deleted.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

import structlog

from qbot.domain.argocd_ports import ArgoCD
from qbot.domain.environment import Environment
from qbot.domain.names import BASE, EnvId
from qbot.domain.orphans import Looked, Marked, Stray, emptied, homeless
from qbot.domain.ports import Clock
from qbot.domain.store_ports import Deliveries, Environments
from qbot.errors import PermanentError, TransientError
from qbot.operations.caught import caught
from qbot.operations.gathering import gather

_EVERY = 3_600  # seconds
_PARALLEL = 8
log = structlog.get_logger()


class Rows(Protocol):
    """Where it is written down. Raises TransientError."""

    async def found(
        self, instance: str, orphans: Collection[Marked], missing: Collection[EnvId]
    ) -> None:
        """All that a sweep of one Argo CD has found amiss; what is not in it any more is well."""

    async def known(self) -> Stray:
        """What was found twice, with enough time between."""

    async def looked(self, instances: Collection[str]) -> Looked:
        """When all of these were last swept to the end, and what is not sure of it yet."""

    async def tell(self, channel: str) -> bool:
        """Let the channel be told of what is sure, once; whether there was any."""


class Store(Environments, Deliveries, Protocol):
    """What is needed of the rest of the database."""


class OrphanSweeper:
    """One replica's part: whoever is first in a tick does it.

    Args:
        argocd: the instances.
        store: environments, and the ticks that were taken.
        rows: where it is written down.
        clock: what time it is.
        channel: is told; empty: whoever asks is.
    """

    def __init__(
        self,
        *,
        argocd: Mapping[str, ArgoCD],
        store: Store,
        rows: Rows,
        clock: Clock,
        channel: str,
    ) -> None:
        self._argocd = argocd
        self._store = store
        self._rows = rows
        self._clock = clock
        self._channel = channel

    async def tick(self) -> None:
        """Sweep, unless another replica does in this hour.

        Raises:
            TransientError: the database is away.
        """
        slot = int(self._clock.now().timestamp() // _EVERY)
        if await self._store.saw(f"orphans:{slot}"):
            await self.sweep()

    async def sweep(self) -> None:
        """Look at every Argo CD; of one that does not answer nothing is concluded."""
        for instance, argocd in self._argocd.items():
            error = await caught(self._sweep(instance, argocd))
            if isinstance(error, TransientError | PermanentError):
                log.warning("argocd could not be swept", instance=instance, reason=str(error))
            elif error is not None:
                raise error
        if self._channel:
            await self._rows.tell(self._channel)

    async def _sweep(self, instance: str, argocd: ArgoCD) -> None:
        found = await argocd.marked(instance)
        rows = await self._store.environments()  # after the list: what is made has a row before
        orphans = homeless(found, {row.environment.id for row in rows})
        there = await gather([argocd.still_marked(one) for one in orphans], _PARALLEL)
        empty = emptied(rows, found, instance)
        gone = await gather([self._is_gone(argocd, env.id) for env in empty], _PARALLEL)
        for answer in (*there, *gone):
            if isinstance(answer, Exception):
                raise answer
        lost = [one for one, is_there in zip(orphans, there, strict=True) if is_there]
        missing = [env.id for env, is_gone in zip(empty, gone, strict=True) if is_gone]
        log.info("swept", instance=instance, orphans=len(lost), missing=len(missing))
        await self._rows.found(instance, lost, missing)

    async def _is_gone(self, argocd: ArgoCD, env_id: EnvId) -> bool:
        """Whether none of its Applications is there; most often the first look says otherwise."""
        env = await self._store.environment(env_id)
        return env is not None and bool(env.plans) and await _is_absent(argocd, env)


async def _is_absent(argocd: ArgoCD, env: Environment) -> bool:
    for service in (BASE, *(plan.service for plan in env.plans)):
        if await argocd.read(env, service) is not None:
            return False
    return True
