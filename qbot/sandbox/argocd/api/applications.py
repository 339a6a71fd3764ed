"""Reading and deleting Applications.

Source: Argo CD `server/application/application.go`.
"""

import asyncio
from collections.abc import Iterable

from aiohttp import web

from qbot.sandbox.argocd import fields, selector
from qbot.sandbox.argocd.accounts import Account
from qbot.sandbox.argocd.api.requests import Context, check_namespace, flag
from qbot.sandbox.argocd.engine.deletion import BACKGROUND, CASCADE, FOREGROUND
from qbot.sandbox.argocd.engine.reconcile import REFRESH
from qbot.sandbox.argocd.errors import INVALID, UNKNOWN, ApiError
from qbot.sandbox.argocd.objects import (
    Json,
    finalizers,
    merged,
    name_of,
    project_of,
    with_metadata,
)
from qbot.sandbox.argocd.shelves import Change
from qbot.sandbox.argocd.specs import too_late
from qbot.sandbox.http import FAULT

_POLICIES = {"": CASCADE, "foreground": FOREGROUND, "background": BACKGROUND}


class Applications:
    """The handlers of list, get and delete."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Where the handlers are."""
        one = "/api/v1/applications/{name}"
        return [
            web.get("/api/v1/applications", self.list, allow_head=False),
            web.get(one, self.get, allow_head=False),
            web.delete(one, self.delete),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """Every Application that the caller may read, from the informer, by name."""
        account = self._context.access.account(request)
        wanted, exclude = fields.parse(request.query.get("fields", ""))
        found = list(visible(self._context, request, account))
        fault = request[FAULT]
        if fault and fault.kind in ("empty-list", "half-list"):
            found = found[: len(found) // 2] if fault.kind == "half-list" else []
        try:
            if wanted:
                items = [fields.listed(app, wanted, exclude=exclude) for app in found] or None
            else:
                items = [without_resource_health(app) for app in found]
        except fields.OverlapError as error:
            raise ApiError(UNKNOWN, str(error)) from None
        version = self._context.applications.current_version()
        return web.json_response({"metadata": {"resourceVersion": version}, "items": items})

    async def get(self, request: web.Request) -> web.Response:
        """One Application, read consistently; `refresh` waits for the controller."""
        account = self._context.access.account(request)
        projects = [*request.query.getall("project", []), *request.query.getall("projects", [])]
        if len(projects) > 1:
            message = "multiple projects specified - the get endpoint accepts either zero or one"
            raise ApiError(INVALID, f"{message} project")
        app = self._context.find(request, account, projects[0] if projects else "")
        if "refresh" in request.query:
            kind = "hard" if request.query["refresh"] == "hard" else "normal"
            app = await self._refreshed(app, kind)
        return web.json_response(app)

    async def delete(self, request: web.Request) -> web.Response:
        """Mark for deletion with the finalizer of the wanted kind; the rest is asynchronous."""
        account = self._context.access.account(request)
        app = self._context.find(request, account)
        name = name_of(app)
        self._context.access.enforce(account, "applications", "delete", f"{project_of(app)}/{name}")
        policy = request.query.get("propagationPolicy", "")
        cascade = flag(request, "cascade", default=True)
        if policy and not cascade:
            message = "cannot set propagation policy when cascading is disabled"
            raise ApiError(INVALID, message)
        if policy not in _POLICIES:
            raise ApiError(INVALID, f"invalid propagation policy: {policy}")
        self._finalize(app, _POLICIES[policy] if cascade else "")
        if self._context.applications.get(name):
            self._context.applications.delete(name)
        return web.json_response({})

    def _finalize(self, app: Json, finalizer: str) -> None:
        """Add the finalizer that deletes resources, or take all of that kind away."""
        names = list(finalizers(app))
        if not finalizer:
            names = [each for each in names if each not in _POLICIES.values()]
        elif finalizer not in names:
            names.append(finalizer)
        if complaint := too_late(app, names):
            raise ApiError(INVALID, complaint)
        self._context.applications.replace(with_metadata(app, finalizers=names or None))

    async def _refreshed(self, app: Json, kind: str) -> Json:
        """Ask the controller for a comparison and wait until it took the request away."""
        shelf, name, uid = self._context.applications, name_of(app), app["metadata"]["uid"]
        done: asyncio.Future[Json] = asyncio.get_running_loop().create_future()

        def watch(change: Change) -> None:
            mine = change.object["metadata"]["uid"] == uid
            notes = change.object["metadata"].get("annotations") or {}
            if mine and (REFRESH not in notes or change.type == "DELETED") and not done.done():
                done.set_result(change.object)

        notes = {**(app["metadata"].get("annotations") or {}), REFRESH: kind}
        shelf.replace(with_metadata(app, annotations=notes))
        shelf.controllers.append(watch)
        try:
            await done
        finally:
            shelf.controllers.remove(watch)
        return self._context.present(name)


def visible(context: Context, request: web.Request, account: Account) -> Iterable[Json]:
    """What the informer shows of what the query asks for, sorted by name.

    Raises:
        ApiError: 500 for a selector that is none, as the vendor does.
    """
    query = request.query
    check_namespace(query.get("appNamespace", ""))
    matches = compiled(query.get("selector", ""))
    projects = {*query.getall("projects", []), *query.getall("project", [])} - {""}
    for name, app in sorted(context.applications.visible.items()):
        if query.get("name") and name != query["name"]:
            continue
        if not matches(app["metadata"].get("labels") or {}):
            continue
        if projects and project_of(app) not in projects:
            continue
        if query.get("repo") and (app["spec"].get("source") or {}).get("repoURL") != query["repo"]:
            continue
        if context.access.allows(account, "applications", "get", f"{project_of(app)}/{name}"):
            yield app


def compiled(text: str) -> selector.Test:
    """A selector of the query.

    Raises:
        ApiError: 500, code 2: the vendor does not map the parser's error.
    """
    try:
        return selector.parse(text)
    except ValueError as error:
        raise ApiError(UNKNOWN, f"error parsing the selector: {error}") from None


def without_resource_health(app: Json) -> Json:
    """A list does not look up the health of resources; get and watch do."""
    resources = app["status"].get("resources")
    if not resources:
        return app
    plain = [merged(each, health=None) for each in resources]
    return {**app, "status": {**app["status"], "resources": plain}}
