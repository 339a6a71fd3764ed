"""The stages' Argo CD in memory: an Application compares when asked to, and syncs at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from qbot.domain.health import AppState
from qbot.domain.names import AppName, EnvId, OpId, ServiceName
from qbot.domain.release_ports import StageApp
from qbot.domain.stages import Stage
from qbot.errors import TransientError
from tests.clocks import HandClock
from tests.operations.fakes import Faults


class FakeStageApplications:
    """Implements the port `StageApplications`; a test holds things back or breaks them."""

    def __init__(self, clock: HandClock, tip: str) -> None:
        self._clock = clock
        self.tip = tip  # of the branch that all of them follow
        self.faults = Faults()
        self.apps: dict[AppName, AppState] = {}
        self.log_lines: tuple[str, ...] = ()
        self.calls: Counter[str] = Counter()
        self.blind: set[ServiceName] = set()  # refreshes do not make them look
        self.held: set[ServiceName] = set()  # their syncs do not end
        self.hook = ""  # that those wait for
        self.failing: dict[ServiceName, str] = {}  # their syncs fail, and why
        self.health: dict[ServiceName, str] = {}
        self.automatic = False
        self.stale: dict[AppName, AppState] = {}  # what the live view says instead
        self._version = 0
        self._watchers: set[asyncio.Event] = set()

    def add(self, service: str) -> None:
        name = ServiceName(service)
        app = AppName(f"production-{service}")
        self.apps[app] = AppState(app, EnvId(""), name, 0)
        self._synced(app)

    def put(self, app: AppName, **changes: Any) -> None:
        self._version += 1
        self.apps[app] = replace(self.apps[app], version=self._version, **changes)
        for event in self._watchers:
            event.set()

    def compare(self, service: str) -> None:
        """Argo CD looks at git by itself."""
        self._compare(AppName(f"production-{service}"))

    def end_sync(self, service: str) -> None:
        """A sync that was held, or somebody else's, ends well."""
        self.held.discard(ServiceName(service))
        self._synced(AppName(f"production-{service}"))

    def of(self, service: str) -> AppState:
        return self.apps[AppName(f"production-{service}")]

    def times(self, method: str) -> dict[str, int]:
        """How often each service was asked for this."""
        calls = self.calls.items()
        return {k.split("-")[1]: n for k, n in calls if k.startswith(f"{method} ")}

    # The port

    async def survey(self, stage: Stage) -> Mapping[ServiceName, StageApp]:
        await self._called("survey")
        return {s.service: StageApp(s, (), None) for s in self.apps.values()}

    async def ask(self, stage: Stage, *, within: float) -> None:
        await self._called("ask")

    async def read(self, stage: Stage, app: AppName) -> StageApp | None:
        await self._called("read", app)
        found = self.apps.get(app)
        return StageApp(found, (), None) if found else None

    async def watch(self, stage: Stage) -> AsyncGenerator[Mapping[ServiceName, StageApp]]:
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            while True:
                event.clear()
                known = {**self.apps, **self.stale}
                yield {s.service: StageApp(s, (), None) for s in known.values()}
                await event.wait()
        finally:
            self._watchers.discard(event)

    def silent_since(self) -> datetime | None:
        return None

    async def refresh(self, stage: Stage, app: AppName, *, hard: bool = False) -> None:
        await self._called("refresh", app)
        if self.apps[app].service not in self.blind:
            self._compare(app)

    async def sync(self, stage: Stage, app: AppName, *, op: OpId) -> None:
        await self._called("sync", app)
        if self.apps[app].requested or self.apps[app].phase == "Running":
            raise TransientError("another operation is already in progress")
        self._begin(app, info=op)
        self.faults.strike("sync, answer lost")

    async def terminate(self, stage: Stage, app: AppName) -> None:
        await self._called("terminate", app)
        self.held.discard(self.apps[app].service)
        now = self._clock.now()
        self.put(app, phase="Failed", message="Operation terminated", finished_at=now)

    async def log(self, stage: Stage, app: AppName, *, lines: int) -> tuple[str, ...]:
        await self._called("log", app)
        return self.log_lines[-lines:]

    # Within

    async def _called(self, method: str, app: str = "") -> None:
        await asyncio.sleep(0)
        self.calls[f"{method} {app}".strip()] += 1
        self.faults.strike(f"{method} {app}".strip())
        self.faults.strike(method)

    def _compare(self, app: AppName) -> None:
        new = self.apps[app].revision != self.tip
        sync = "OutOfSync" if new else self.apps[app].sync
        self.put(app, revision=self.tip, sync=sync, reconciled_at=self._clock.now())
        if new and self.automatic:
            self._begin(app, info="")

    def _begin(self, app: AppName, *, info: str) -> None:
        service, now = self.apps[app].service, self._clock.now()
        self.put(
            app, info=info, phase="Running", synced_revision=self.tip, started_at=now,
            finished_at=None, waits_for=self.hook,
        )  # fmt: skip
        if why := self.failing.get(service):
            self.put(app, phase="Failed", message=why, finished_at=now, reconciled_at=now)
        elif service not in self.held:
            self._synced(app)

    def _synced(self, app: AppName) -> None:
        now, health = self._clock.now(), self.health.get(self.apps[app].service, "Healthy")
        self.put(
            app, requested=False, phase="Succeeded", sync="Synced", revision=self.tip,
            synced_revision=self.tip, health=health, started_at=self.apps[app].started_at or now,
            finished_at=now, reconciled_at=now, resources=3, waits_for="",
        )  # fmt: skip
