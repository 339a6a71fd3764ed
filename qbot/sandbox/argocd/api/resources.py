"""Looking into an Application: tree, managed resources, events.

Source: Argo CD `server/application/application.go` (ResourceTree, ManagedResources,
ListResourceEvents).
"""

import json
from collections.abc import Iterator

from aiohttp import web

from qbot.sandbox.argocd.api.happenings import resource_events
from qbot.sandbox.argocd.api.requests import Context
from qbot.sandbox.argocd.engine import conditions
from qbot.sandbox.argocd.engine.cluster import Live
from qbot.sandbox.argocd.engine.origins import commit
from qbot.sandbox.argocd.engine.sources import SourceError
from qbot.sandbox.argocd.errors import INVALID, UNKNOWN, ApiError
from qbot.sandbox.argocd.manifests import Manifest
from qbot.sandbox.argocd.objects import Json, name_of, stamp

_ASKED = ("resourceUID", "resourceName", "resourceNamespace")
RUNS_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})


class Resources:
    """The handlers that show what an Application consists of."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Where the handlers are."""
        one = "/api/v1/applications/{name}"
        return [
            web.get(f"{one}/resource-tree", self.tree, allow_head=False),
            web.get(f"{one}/managed-resources", self.managed, allow_head=False),
            web.get(f"{one}/events", self.events, allow_head=False),
        ]

    async def tree(self, request: web.Request) -> web.Response:
        """Every live resource, with one pod below each workload."""
        app = self._compared(request)
        nodes = [node for _, node in self._nodes(app)]
        return web.json_response({"nodes": nodes, "shardsCount": 1})

    async def managed(self, request: web.Request) -> web.Response:
        """Wanted against live; each state is JSON in a string. Hooks are left out."""
        app = self._compared(request)
        cluster, wanted = self._context.engine.cluster, self._wanted(app)
        live = {
            each.manifest.key: each.manifest
            for each in cluster.tracked(name_of(app))
            if not each.is_hook
        }
        items = [
            _difference(wanted.get(key), live.get(key))
            for key in sorted({*wanted, *live})
            if all(
                request.query.get(field, "") in ("", value)
                for field, value in zip(("group", "kind", "namespace", "name"), key, strict=True)
            )
        ]
        return web.json_response({"items": items})

    async def events(self, request: web.Request) -> web.Response:
        """The Application's own events, or those of one resource of it."""
        app = self._context.find(request, self._context.access.account(request))
        if request.query.get("resourceUID"):
            items = self._events_of_resource(app, request)
        else:
            items = self._context.engine.journal.of(app)
        return web.json_response({"metadata": {}, "items": items})

    def _events_of_resource(self, app: Json, request: web.Request) -> list[Json]:
        asked = tuple(request.query.get(field, "") for field in _ASKED)
        for live, node in self._nodes(app):
            if asked == (node["uid"], node["name"], node.get("namespace", "")):
                at = stamp(self._context.kernel.clock.now())
                return resource_events(live, node, at)
        message = f"{asked[1]} not found as part of application {name_of(app)}"
        raise ApiError(INVALID, message)

    def _nodes(self, app: Json) -> Iterator[tuple[Live, Json]]:
        """Every live resource, with one pod after each workload."""
        cluster = self._context.engine.cluster
        for live in cluster.tracked(name_of(app)):
            status, message = cluster.health(live)
            yield live, _node(live, status, message)
            if live.manifest.kind in RUNS_PODS:
                yield live, _pod_node(live, status, message)

    def _compared(self, request: web.Request) -> Json:
        app = self._context.find(request, self._context.access.account(request))
        problems = conditions.errors(app)
        problems = [x for x in problems if x["type"] in ("ComparisonError", "InvalidSpecError")]
        if problems:
            raise ApiError(UNKNOWN, conditions.text(problems))
        if not app["status"].get("reconciledAt"):
            raise ApiError(UNKNOWN, "cache: key is missing")
        return app

    def _wanted(self, app: Json) -> dict[tuple[str, str, str, str], Manifest]:
        revision = commit(app["status"]["sync"])
        try:
            rendered = self._context.engine.sources.load(app, revision)
        except SourceError as error:
            raise ApiError(UNKNOWN, str(error)) from None
        return {each.key: each for each in rendered.manifests if not each.hooks}


def pod_name(live: Live) -> str:
    """The name of the one pod of a workload."""
    return f"{live.manifest.name}-{live.uid[:5]}"


def _node(live: Live, status: str, message: str) -> Json:
    node = {
        **live.manifest.reference,
        "uid": live.uid,
        "createdAt": live.created,
        "resourceVersion": str(live.turn + 1),
    }
    if live.manifest.images:
        node["images"] = list(live.manifest.images)
    if status:
        node["health"] = _health(status, message)
    return node


def _pod_node(live: Live, status: str, message: str) -> Json:
    parent = {**live.manifest.reference, "uid": live.uid}
    return {
        "version": "v1",
        "kind": "Pod",
        "namespace": live.manifest.namespace,
        "name": pod_name(live),
        "uid": f"{live.uid[:-4]}{live.turn:04x}",
        "createdAt": live.created,
        "parentRefs": [parent],
        "images": list(live.manifest.images),
        "health": _health(status, message),
    }


def _health(status: str, message: str) -> Json:
    return {"status": status, "message": message} if message else {"status": status}


def _difference(wanted: Manifest | None, live: Manifest | None) -> Json:
    it = wanted or live
    target, state = _state(wanted), _state(live)
    item: Json = {
        **({**it.reference} if it else {}),
        "targetState": target,
        "liveState": state,
        "normalizedLiveState": state,
        "predictedLiveState": target,
    }
    item.pop("version", None)
    if target != state:
        item["modified"] = True
    return item


def _state(manifest: Manifest | None) -> str:
    return json.dumps(manifest.body, sort_keys=True) if manifest else "null"
