"""The Applications of static stages as they stand when the sandbox starts: deployed long ago.

Somebody else made them; Qbot's account may look at them and sync them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from qbot.sandbox.argocd.engine.comparison import compare
from qbot.sandbox.argocd.engine.engine import Engine
from qbot.sandbox.argocd.engine.status import compared
from qbot.sandbox.argocd.engine.waves import plan
from qbot.sandbox.argocd.objects import Json, stamp
from qbot.sandbox.argocd.permits import SERVER
from qbot.sandbox.argocd.shelves import Shelf
from qbot.sandbox.kernel import Kernel

AUTOMATED = frozenset({"staging"})  # the other stages are synced by whoever promotes
_AGE, _AGO = timedelta(days=30), timedelta(minutes=20)  # of the Application, of its last sync
_TOOK = timedelta(seconds=70)


class Placed(Protocol):
    """One service in one stage."""

    @property
    def stage(self) -> str:
        """The stage's name: of its AppProject and of its namespace, too."""

    @property
    def service(self) -> str:
        """The service's name."""

    @property
    def application(self) -> str:
        """The Application's name."""

    @property
    def source(self) -> Mapping[str, Any]:
        """The Application's `spec.source`."""


class Seeder:
    """Fills an empty Argo CD."""

    def __init__(
        self, kernel: Kernel, engine: Engine, applications: Shelf, projects: Shelf
    ) -> None:
        self._kernel = kernel
        self._engine = engine
        self._applications = applications
        self._projects = projects

    def seed(self, placements: Iterable[Placed]) -> None:
        """Make an AppProject per stage and an Application per service, synced and healthy.

        Raises:
            SourceError: a source that cannot be rendered.
        """
        known = tuple(placements)
        for stage in dict.fromkeys(each.stage for each in known):
            sources = {each.source["repoURL"] for each in known if each.stage == stage}
            self._projects.create(_project(stage, sources))
            self._engine.cluster.create_namespace(stage)
        for each in known:
            self._deploy(_application(each))

    def _deploy(self, app: Json) -> None:
        name, engine, now = app["metadata"]["name"], self._engine, self._kernel.clock.now()
        rendered = engine.sources.load(app)
        finished = now - _AGO
        tasks = plan(rendered.manifests)
        for task in tasks:
            task.state, task.status = "Succeeded", "" if task.hook else "Synced"
            task.message = engine.cluster.plant(name, task.manifest, created=stamp(finished))
        app = _synced(app, rendered.sha, [task.result() for task in tasks], finished)
        found = compare(app, rendered, engine.cluster, engine.pins)
        app = compared(app, found, {}, stamp(now), looked_up=True)
        self._applications.create(app, at=now - _AGE)


def _project(stage: str, sources: Iterable[str]) -> Json:
    return {
        "metadata": {"name": stage},
        "spec": {
            "sourceRepos": sorted(sources),
            "destinations": [{"server": SERVER, "namespace": stage}],
        },
        "status": {},
    }


def _application(placed: Placed) -> Json:
    spec: Json = {
        "project": placed.stage,
        "source": dict(placed.source),
        "destination": {"server": SERVER, "namespace": placed.stage},
    }
    if placed.stage in AUTOMATED:
        spec["syncPolicy"] = {"automated": {"prune": True, "selfHeal": True}}
    labels = {
        "app.kubernetes.io/part-of": "shop",
        "stage": placed.stage,
        "service": placed.service,
    }
    return {"metadata": {"name": placed.application, "labels": labels}, "spec": spec}


def _synced(app: Json, revision: str, resources: list[Json], finished: datetime) -> Json:
    """The Application after a sync by somebody else, not compared since."""
    automated = "syncPolicy" in app["spec"]
    initiator = {"automated": True} if automated else {"username": "admin"}
    source, times = app["spec"]["source"], (stamp(finished - _TOOK), stamp(finished))
    state = {
        "operation": {"sync": {"revision": revision}, "initiatedBy": initiator},
        "phase": "Succeeded",
        "message": "successfully synced (all tasks run)",
        "syncResult": {"revision": revision, "source": source, "resources": resources},
        "startedAt": times[0],
        "finishedAt": times[1],
    }
    entry = {
        "revision": revision,
        "deployedAt": times[1],
        "id": 0,
        "source": source,
        "deployStartedAt": times[0],
        "initiatedBy": initiator,
    }
    status = {
        "health": {},
        "summary": {},
        "sync": {},
        "sourceHydrator": {},
        "operationState": state,
        "history": [entry],
    }
    return {**app, "status": status}
