"""The stand-in Argo CD as a whole: state, engine, HTTP surface, driver."""

import itertools
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from qbot.sandbox.argocd.accounts import Access
from qbot.sandbox.argocd.api.about import About
from qbot.sandbox.argocd.api.applications import Applications
from qbot.sandbox.argocd.api.front import front
from qbot.sandbox.argocd.api.logs import Logs
from qbot.sandbox.argocd.api.operations import Operations
from qbot.sandbox.argocd.api.projects import Projects
from qbot.sandbox.argocd.api.requests import Context
from qbot.sandbox.argocd.api.resources import Resources
from qbot.sandbox.argocd.api.stream import Streams
from qbot.sandbox.argocd.api.writes import Writes
from qbot.sandbox.argocd.drive import Drive
from qbot.sandbox.argocd.engine.cluster import SYSTEM_NAMESPACES
from qbot.sandbox.argocd.engine.engine import Engine
from qbot.sandbox.argocd.engine.sources import Repositories
from qbot.sandbox.argocd.errors import Shapes
from qbot.sandbox.argocd.notifications import Notifications
from qbot.sandbox.argocd.objects import Json, dying, finalizers, name_of, project_of
from qbot.sandbox.argocd.pages import Pages
from qbot.sandbox.argocd.rbac import POLICY
from qbot.sandbox.argocd.shelves import Change, Shelf
from qbot.sandbox.argocd.stages import Placed, Seeder
from qbot.sandbox.http import middleware
from qbot.sandbox.kernel import Kernel

TOKEN = "argocd-sandbox-token"
MOUNT = "/argocd"
_BUILT_IN = "default"
_EVERYTHING = [{"group": "*", "kind": "*"}]
_DEFAULT_PROJECT: Json = {
    "metadata": {"name": _BUILT_IN},
    "spec": {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": _EVERYTHING,
    },
    "status": {},
}


class ArgoCDStandIn:
    """An Argo CD v3.5 with one cluster, deploying what the repositories hold.

    Args:
        kernel: the sandbox's clock, faults, recorder, feed and tasks.
        repositories: where charts come from.
        stages: what the static stages run in a fresh world; asked at start and at reset.
        tokens: API token -> local account.
        policy: RBAC lines, as policy.csv.
        visibility_lag: seconds for which a new project is unknown to Application writes.
        lag: seconds by which list and watch are behind.
        notify: where notifications go, once they are turned on.
    """

    def __init__(
        self,
        kernel: Kernel,
        repositories: Repositories,
        *,
        stages: Callable[[], Iterable[Placed]] = tuple,
        tokens: Mapping[str, str] | None = None,
        policy: str = POLICY,
        visibility_lag: float = 0.0,
        lag: float = 0.0,
        notify: str = "",
    ) -> None:
        self.token = TOKEN
        self._kernel = kernel
        versions = itertools.count(1001)
        self.applications = Shelf(kernel, versions, lag=lag)
        self.projects = Shelf(kernel, versions, lag=visibility_lag)
        self.engine = Engine(kernel, repositories, self.applications, self.projects)
        self._context = Context(
            kernel=kernel,
            access=Access(tokens or {TOKEN: "qbot"}, policy, kernel.clock.now()),
            applications=self.applications,
            projects=self.projects,
            engine=self.engine,
        )
        self._streams = Streams(self._context)
        self.notify_token = secrets.token_hex(16)
        self.notifications = Notifications(
            kernel, self.applications, url=notify, token=self.notify_token
        )
        self.applications.controllers.append(self._announce)
        self._stages = stages
        self._seeder = Seeder(kernel, self.engine, self.applications, self.projects)

    def app(self) -> web.Application:
        """The API server, to be mounted below `/argocd`."""
        app = web.Application(
            middlewares=[
                middleware(self._kernel, "argocd", MOUNT, Shapes()),
                front(self._kernel),
            ],
            client_max_size=32 * 2**20,
        )
        for handlers in (Applications, Writes, Operations, Projects, Resources, Logs, About):
            app.add_routes(handlers(self._context).routes())
        app.add_routes(self._streams.routes())
        app.on_shutdown.append(self._shut)
        return app

    def pages(self) -> list[web.RouteDef]:
        """What a person looks at, below `/argocd`."""
        return Pages(MOUNT, self.applications).routes()

    def drive_routes(self) -> list[web.RouteDef]:
        """What a person or a test decides."""
        shelves = (self.applications, self.projects)
        access = self._context.access
        return Drive(self.engine, self.notifications, shelves, access).routes()

    def state(self) -> dict[str, Any]:
        """Applications, projects and namespaces beyond what every installation has."""
        return {
            "applications": [_application(app) for app in _sorted(self.applications)],
            "projects": [
                _described(project)
                for project in _sorted(self.projects)
                if name_of(project) != _BUILT_IN
            ],
            "namespaces": sorted(set(self.engine.cluster.namespaces) - SYSTEM_NAMESPACES),
        }

    async def start(self) -> None:
        """Make the stages' Applications and start the controller."""
        self._seed()
        self.engine.start()

    async def stop(self) -> None:
        """End watches and notifications; the controller's tasks end with the kernel."""
        self._streams.close()
        await self.notifications.stop()

    async def reset(self) -> None:
        """An Argo CD as it was at start; watches end."""
        self._streams.close()
        await self.notifications.forget()
        self._context.access.restore()
        for shelf in (self.applications, self.projects):
            for name in list(shelf.objects):
                shelf.remove(name)
        self.engine.clear()
        self._seed()

    def _seed(self) -> None:
        """What has been there for long is known to everybody."""
        self.projects.create(_DEFAULT_PROJECT)
        self._seeder.seed(self._stages())
        for shelf in (self.applications, self.projects):
            shelf.settle()

    async def _shut(self, _: web.Application) -> None:
        self._streams.close()

    def _announce(self, change: Change) -> None:
        self._kernel.feed.publish("application", name=name_of(change.object), change=change.type)


def _sorted(shelf: Shelf) -> list[Json]:
    return [shelf.objects[name] for name in sorted(shelf.objects)]


def _described(thing: Json) -> Json:
    metadata = thing["metadata"]
    return {
        "name": name_of(thing),
        "labels": metadata.get("labels") or {},
        "annotations": metadata.get("annotations") or {},
        "finalizers": list(finalizers(thing)),
        "deleting": dying(thing),
        "spec": thing["spec"],
    }


def _application(app: Json) -> Json:
    status = app["status"]
    return {
        **_described(app),
        "project": project_of(app),
        "sync": status["sync"].get("status", ""),
        "health": status["health"].get("status", ""),
        "images": list(status.get("summary", {}).get("images", [])),
    }
