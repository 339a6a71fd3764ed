"""Applications as they change, for an operation that also watches the clock."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from qbot.domain.environment import Environment
from qbot.domain.health import AppState
from qbot.domain.names import ServiceName
from qbot.domain.ports import Clock
from qbot.operations.run import Run

_DEAF = timedelta(seconds=10)  # a cut stream is normal, and made good at once
_AGAIN = timedelta(seconds=15)  # that silence goes on is news as well
_SOURCE = "the live view"


class Place(Protocol):
    """What Applications belong to: an environment or a stage."""

    @property
    def name(self) -> str:
        """For people who look at running tasks."""


P_contra = TypeVar("P_contra", bound=Place, contravariant=True)
S_co = TypeVar("S_co", covariant=True)
P = TypeVar("P", bound=Place)
S = TypeVar("S")


class Watched(Protocol[P_contra, S_co]):
    """The live view of one Argo CD."""

    def watch(self, place: P_contra, /) -> AsyncGenerator[Mapping[ServiceName, S_co]]:
        """Its states at once, then on every change."""

    def silent_since(self) -> datetime | None:
        """Since when nothing is heard; None while all is well."""


class Following(Generic[P, S]):
    """Follows one place in the background while the block runs.

    `heard` turns True with the first answer; until then `states` being empty proves nothing.
    Where Argo CD is not heard for long, the card says so.
    """

    def __init__(self, run: Run, argocd: Watched[P, S], place: P, clock: Clock) -> None:
        self._run = run
        self._argocd = argocd
        self._place = place
        self._clock = clock
        self._event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._deaf = False
        self._said = clock.now()
        self.states: Mapping[ServiceName, S] = {}
        self.heard = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow(), name=f"live {self._place.name}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._say(deaf=False)
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def known_at(self) -> datetime:
        """When `states` was last known to be true: now, unless Argo CD is silent."""
        return self._argocd.silent_since() or self._clock.now()

    async def changed(self, seconds: float) -> None:
        """Return on the next change, after `seconds` at the latest.

        Raises:
            PermanentError: the live view cannot go on (a refused token).
        """
        if self._task and self._task.done():
            self._task.result()
        since = self._argocd.silent_since()
        self._say(deaf=since is not None and self._clock.now() - since >= _DEAF)
        tick = asyncio.create_task(self._clock.sleep(seconds))
        event = asyncio.create_task(self._event.wait())
        try:
            await asyncio.wait({tick, event}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (tick, event):
                task.cancel()
            await asyncio.gather(tick, event, return_exceptions=True)
        self._event.clear()

    def _say(self, *, deaf: bool) -> None:
        now = self._clock.now()
        if deaf != self._deaf or (deaf and now - self._said >= _AGAIN):
            self._deaf, self._said = deaf, now
            self._run.trouble(
                "Argo CD does not answer" if deaf else "",
                source=_SOURCE,
                since=self._argocd.silent_since(),
            )

    async def _follow(self) -> None:
        try:
            async with aclosing(self._argocd.watch(self._place)) as changes:
                async for states in changes:
                    self.states, self.heard = states, True
                    self._event.set()
        finally:
            self._event.set()


Live = Following[Environment, AppState]
