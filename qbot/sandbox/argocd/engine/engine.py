"""The application controller: queues, workers, resync, and who is told what."""

import asyncio
import heapq
from dataclasses import dataclass, field

from qbot.sandbox.argocd.engine.cluster import Cluster
from qbot.sandbox.argocd.engine.deletion import Deleter
from qbot.sandbox.argocd.engine.journal import Journal
from qbot.sandbox.argocd.engine.operate import Operator
from qbot.sandbox.argocd.engine.parts import Parts
from qbot.sandbox.argocd.engine.pins import Pins
from qbot.sandbox.argocd.engine.queues import WorkQueue
from qbot.sandbox.argocd.engine.reconcile import REFRESH, Level, Reconciler
from qbot.sandbox.argocd.engine.sources import Repositories, Sources
from qbot.sandbox.argocd.objects import Json, dying, finalizers, name_of, phase_of
from qbot.sandbox.argocd.shelves import Change, Shelf
from qbot.sandbox.kernel import Kernel

STATUS_PROCESSORS, OPERATION_PROCESSORS = 20, 10
_RESYNC, _JITTER, _TICK = 120.0, 60.0, 5.0  # seconds of work
_ROUND = 2.0  # real seconds: where time is hurried, everything would be compared all the time
_PROJECT_REMOVAL = 0.2


@dataclass(slots=True)
class _Resync:
    """When each Application is due for its periodic comparison."""

    due: list[tuple[float, str]] = field(default_factory=list)
    newest: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, at: float) -> None:
        heapq.heappush(self.due, (at, name))
        self.newest[name] = at

    def take(self, now: float) -> list[str]:
        names = []
        while self.due and self.due[0][0] <= now:
            at, name = heapq.heappop(self.due)
            if self.newest.get(name) == at:  # else an Application of the same name came since
                names.append(name)
        return names

    def clear(self) -> None:
        self.due.clear()
        self.newest.clear()


class Engine:
    """Moves Applications towards what they ask for; does nothing while nothing changes."""

    def __init__(
        self, kernel: Kernel, repositories: Repositories, applications: Shelf, projects: Shelf
    ) -> None:
        self.pins = Pins()
        self.cluster = Cluster(kernel, self.pins, self._touched)
        self.sources = Sources(repositories)
        self.journal = Journal(kernel)
        self._kernel = kernel
        self._applications, self._projects = applications, projects
        parts = Parts(
            kernel, applications, projects, self.sources, self.cluster, self.pins, self.journal
        )
        self._reconciler = Reconciler(parts)
        self._operator = Operator(parts, self._finished)
        self._deleter = Deleter(parts)
        self._refreshes = WorkQueue(kernel, "status", STATUS_PROCESSORS, self._reconciler.run)
        self._operations = WorkQueue(kernel, "operation", OPERATION_PROCESSORS, self._operate)
        parts.refreshes, parts.operations = self._refreshes, self._operations
        self._resync = _Resync()
        applications.controllers.append(self._application_changed)
        projects.controllers.append(self._project_changed)

    def start(self) -> None:
        """Start the workers; they end with the kernel."""
        self._refreshes.start()
        self._operations.start()
        _ = self._kernel.spawn(self._resync_forever(), "argocd-resync")

    def clear(self) -> None:
        """Forget everything."""
        self._refreshes.clear()
        self._operations.clear()
        self._resync.clear()
        self._reconciler.levels.clear()
        self._operator.attempts.clear()
        self.cluster.clear()
        self.pins.clear()

    def refresh(self, name: str) -> None:
        """Have an Application compared, its revision looked up anew."""
        self._reconciler.request(name, Level.FORCED)

    def look_again(self, name: str) -> None:
        """Pins changed: hooks that hang may complete, and the status is written anew."""
        self.cluster.look_again(name)

    async def _operate(self, name: str) -> None:
        app = self._applications.get(name)
        if app is None:
            return
        if app.get("operation"):
            await self._operator.run(name)
        elif dying(app):
            await self._deleter.run(name)

    def _application_changed(self, change: Change) -> None:
        app, name = change.object, name_of(change.object)
        if change.type == "DELETED":
            self._forget(app)
            return
        if change.old is None:
            self._schedule(name)
            if app["status"].get("reconciledAt"):  # it was here before the controller
                return
            self._reconciler.request(name, Level.FORCED)
        elif _needs_comparison(change.old, app):
            self._reconciler.request(name, Level.FORCED)
        if change.old is None or _needs_operator(change.old, app):
            self._operations.add(name)

    def _project_changed(self, change: Change) -> None:
        if dying(change.object) and change.type != "DELETED":
            _ = self._kernel.spawn(self._release(name_of(change.object)), "argocd-project-removal")

    async def _release(self, name: str) -> None:
        """Take the finalizers of a dying project that no Application refers to."""
        await self._kernel.clock.work(_PROJECT_REMOVAL)
        if self._projects.get(name):
            self._projects.remove(name)

    def _forget(self, app: Json) -> None:
        name = name_of(app)
        self.cluster.orphan(name)
        self._reconciler.forget(name)
        self._operator.forget(name)
        self.journal.forget(name)

    def _touched(self, name: str) -> None:
        """Something in the cluster moved."""
        app = self._applications.get(name)
        if app is None:
            return
        self._reconciler.request(name, Level.RECENT)
        if app.get("operation") or dying(app):
            self._operations.add(name)

    def _finished(self, name: str) -> None:
        self._reconciler.request(name, Level.LATEST)
        self._operations.add(name)

    def _schedule(self, name: str) -> None:
        """Due again after 120 s and a share of 60 s that depends on the name."""
        share = sum(name.encode()) % 64 / 64
        pause = (_RESYNC + _JITTER * share) / self._kernel.clock.speed
        self._resync.add(name, self._kernel.clock.time() + pause)

    async def _resync_forever(self) -> None:
        while True:
            await self._kernel.clock.work(_TICK)
            due = self._resync.take(self._kernel.clock.time())
            for name in due:
                if self._applications.get(name):
                    self._reconciler.request(name, Level.LATEST)
                    self._schedule(name)
            if due:
                await asyncio.sleep(_ROUND)


def _needs_comparison(old: Json, new: Json) -> bool:
    if old["spec"] != new["spec"]:
        return True
    return REFRESH in (new["metadata"].get("annotations") or {})


def _needs_operator(old: Json, new: Json) -> bool:
    if dying(new) and (not dying(old) or finalizers(old) != finalizers(new)):
        return True
    started = "operation" in new and "operation" not in old
    return started or (phase_of(new) == "Terminating" and phase_of(old) != "Terminating")
