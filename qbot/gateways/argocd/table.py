"""The live view's memory: the newest known state of each Application, and who wants to know."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from qbot.domain.health import AppState
from qbot.domain.names import AppName, EnvId, ServiceName

Key = tuple[EnvId, ServiceName]


def key_of(state: AppState) -> Key:
    """Where a state belongs."""
    return state.env, state.service


class Table:
    """States by environment and service; newer versions win, whatever order they come in."""

    def __init__(self) -> None:
        self._envs: dict[EnvId, dict[ServiceName, AppState]] = {}
        self._deleted: dict[AppName, int] = {}
        self._listeners: dict[EnvId, set[asyncio.Event]] = {}

    def get(self, key: Key) -> AppState | None:
        """What is known of one Application."""
        return self._envs.get(key[0], {}).get(key[1])

    def of(self, env: EnvId) -> Mapping[ServiceName, AppState]:
        """A copy of one environment's states."""
        return MappingProxyType(dict(self._envs.get(env, {})))

    def all(self) -> dict[Key, AppState]:
        """A copy of everything."""
        return {key_of(s): s for states in self._envs.values() for s in states.values()}

    def offer(self, state: AppState) -> None:
        """Keep the state unless something newer is known; version 0 is older than everything."""
        known = self.get(key_of(state))
        if known is not None and state.version <= known.version:
            return
        if state.version <= self._deleted.get(state.name, -1):
            return
        self._put(state)

    def insist(self, state: AppState) -> None:
        """Keep the state: it is the truth, even if versions went back (a restored cluster)."""
        if self.get(key_of(state)) != state:
            self._put(state)

    def remove(self, key: Key, version: int) -> None:
        """It was deleted at this version; late news of before are not to bring it back."""
        known = self.get(key)
        if known is None or known.version > version:
            return
        self._deleted[known.name] = version
        del self._envs[key[0]][key[1]]
        if not self._envs[key[0]]:
            del self._envs[key[0]]
        self._wake(key[0])

    def deleted(self) -> frozenset[AppName]:
        """What was removed and not yet forgotten."""
        return frozenset(self._deleted)

    def forget(self, names: frozenset[AppName]) -> None:
        """A list has confirmed these deletions: no late news can come any more."""
        for name in names:
            self._deleted.pop(name, None)

    def wake_all(self) -> None:
        """Something concerns everybody who listens."""
        for env in self._listeners:
            self._wake(env)

    @property
    def awaited(self) -> Collection[EnvId]:
        """The environments that somebody wants to know about."""
        return tuple(self._listeners)

    @contextmanager
    def listen(self, env: EnvId) -> Iterator[asyncio.Event]:
        """An event that is set on each change of the environment."""
        event = asyncio.Event()
        self._listeners.setdefault(env, set()).add(event)
        try:
            yield event
        finally:
            self._listeners[env].discard(event)
            if not self._listeners[env]:
                del self._listeners[env]

    def _put(self, state: AppState) -> None:
        self._deleted.pop(state.name, None)
        self._envs.setdefault(state.env, {})[state.service] = state
        self._wake(state.env)

    def _wake(self, env: EnvId) -> None:
        for event in self._listeners.get(env, ()):
            event.set()
