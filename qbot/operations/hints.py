"""Notifications of Argo CD: each is a hint that one Application has changed, proved by a read."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from qbot.domain.environment import Environment
from qbot.domain.names import BASE, ServiceName
from qbot.domain.store_ports import Environments
from qbot.errors import QbotError
from qbot.operations.caught import caught

_MOST = 500  # that wait to be looked at; the stream has the rest
_PARALLEL = 4
log = structlog.get_logger()


class Instance(Protocol):
    """The part of an Argo CD that is needed here."""

    async def hint(self, env: Environment, service: ServiceName) -> None:
        """Look at one Application, if anybody follows it."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Which Application, in Argo CD's words: outside text."""

    instance: str
    project: str
    application: str


class Hints:
    """Looks at what was hinted at; the same is looked at once, however often it is told."""

    def __init__(self, store: Environments, argocd: Mapping[str, Instance]) -> None:
        self._store = store
        self._argocd = argocd
        self._waiting: dict[Hint, None] = {}  # in the order in which they came
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, hint: Hint) -> bool:
        """Look soon; False: there is too much to look at already."""
        if hint not in self._waiting and len(self._waiting) >= _MOST:
            return False
        self._waiting[hint] = None
        if len(self._tasks) < _PARALLEL:
            task = asyncio.create_task(self._work(), name="hints")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    async def stop(self) -> None:
        """Look no more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        while self._waiting:
            hint = next(iter(self._waiting))
            del self._waiting[hint]
            error = await caught(self._look(hint))
            if error is not None and not isinstance(error, QbotError):
                log.error("a hint could not be followed", exc_info=error)
            elif error is not None:
                log.info("a hint could not be followed", reason=str(error))

    async def _look(self, hint: Hint) -> None:
        argocd, env = self._argocd.get(hint.instance), await self._store.find(hint.project)
        if argocd is None or env is None or env.name != hint.project or not env.phase.alive:
            return
        services = (BASE, *(p.service for p in env.plans))
        for service in services:
            if env.app(service) == hint.application:
                await argocd.hint(env, service)
