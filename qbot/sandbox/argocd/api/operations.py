"""Sync, terminate, rollback, and whether a sync window is open.

Source: Argo CD `server/application/application.go` (Sync, TerminateOperation, Rollback).
"""

import re
from typing import Any

from aiohttp import web

from qbot.sandbox.argocd.accounts import Account
from qbot.sandbox.argocd.api.requests import Context, body, check_namespace, decoded
from qbot.sandbox.argocd.decoding import decode
from qbot.sandbox.argocd.engine.origins import commit, commits, origin
from qbot.sandbox.argocd.engine.sources import SourceError
from qbot.sandbox.argocd.errors import FAILED, INVALID, ApiError
from qbot.sandbox.argocd.objects import (
    Json,
    dying,
    merged,
    name_of,
    phase_of,
    project_of,
    with_status,
)
from qbot.sandbox.argocd.shelves import NAMESPACE
from qbot.sandbox.argocd.specs import ROLLBACK, SYNC

_SHA = re.compile(r"[0-9a-f]{40}")
_LS_REMOTE = 0.05  # seconds of work
_NOT_HERE = ("manifests", "sourcePositions", "revisions")


class Operations:
    """The handlers of what starts and stops operations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Where the handlers are."""
        one = "/api/v1/applications/{name}"
        return [
            web.post(f"{one}/sync", self.sync),
            web.post(f"{one}/rollback", self.rollback),
            web.delete(f"{one}/operation", self.terminate),
            web.get(f"{one}/syncwindows", self.windows, allow_head=False),
        ]

    async def sync(self, request: web.Request) -> web.Response:
        """Ask for a sync; the answer has `operation` and no `operationState`."""
        account = self._context.access.account(request)
        asked = await _read(request, SYNC, "ApplicationSyncRequest")
        for part in _NOT_HERE:
            if asked.get(part):
                self._context.refuse(f"sync with {part}")
        app = self._startable(request, account, asked)
        operation = await self._operation(account, app, asked)
        return web.json_response(self._start(name_of(app), operation))

    async def rollback(self, request: web.Request) -> web.Response:
        """Go back to an entry of the history; refused while auto-sync is on."""
        account = self._context.access.account(request)
        asked = await _read(request, ROLLBACK, "ApplicationRollbackRequest")
        app = self._startable(request, account, asked)
        if _automated(app):
            message = "rollback cannot be initiated when auto-sync is enabled"
            raise ApiError(FAILED, message)
        wanted, history = asked.get("id", 0), app["status"].get("history") or []
        entry = next((each for each in history if each["id"] == wanted), None)
        if entry is None:
            what = f"application {NAMESPACE}/{name_of(app)} does not have deployment with id"
            raise ApiError(INVALID, f"{what} {wanted}")
        sync = merged(
            {"revision": entry["revision"], "syncStrategy": {"apply": {}}},
            prune=asked.get("prune"),
            dryRun=asked.get("dryRun"),
            source=entry["source"],
        )
        operation = {"sync": sync, "initiatedBy": {"username": account.name}}
        return web.json_response(self._start(name_of(app), operation))

    async def terminate(self, request: web.Request) -> web.Response:
        """Ask the running operation to stop; it does so a little later."""
        account = self._context.access.account(request)
        app = self._context.find(request, account)
        self._enforce_sync(account, app)
        state = app["status"].get("operationState")
        if not app.get("operation") or not state:
            message = "Unable to terminate operation. No operation is in progress"
            raise ApiError(INVALID, message)
        if phase_of(app) == "Running":
            new = with_status(app, operationState={**state, "phase": "Terminating"})
            self._context.applications.replace(new)
        return web.json_response({})

    async def windows(self, request: web.Request) -> web.Response:
        """Projects of the stand-in have no sync windows."""
        self._context.find(request, self._context.access.account(request))
        return web.json_response({"canSync": True})

    def _startable(self, request: web.Request, account: Account, asked: Json) -> Json:
        check_namespace(asked.get("appNamespace", ""))
        app = self._context.find(request, account, asked.get("project", ""))
        self._enforce_sync(account, app)
        if dying(app):
            raise ApiError(FAILED, "application is deleting")
        return app

    async def _operation(self, account: Account, app: Json, asked: Json) -> Json:
        of, policy = origin(app["spec"]), app["spec"].get("syncPolicy") or {}
        target = of["source"].get("targetRevision", "") if "source" in of else ""
        wanted = asked.get("revision", "")
        other = wanted and wanted != (target or "HEAD")
        if other and _automated(app) and not asked.get("dryRun"):
            message = f"Cannot sync to {wanted}: auto-sync currently set to {target}"
            raise ApiError(FAILED, message)
        sync = merged(
            commits(await self._every(of, wanted or target), of),
            prune=asked.get("prune"),
            dryRun=asked.get("dryRun"),
            syncStrategy=asked.get("strategy"),
            resources=asked.get("resources"),
            syncOptions=_options(asked, policy),
        )
        return merged(
            {"sync": sync, "initiatedBy": {"username": account.name}},
            info=asked.get("infos"),
            retry=asked.get("retryStrategy", policy.get("retry")),
        )

    async def _every(self, of: Json, revision: str) -> str:
        """The commit of the only source, or of each of several at its own target."""
        if "source" in of:
            return await self._pinned(of["source"], revision)
        if revision:
            raise ApiError(INVALID, "revisions and sourcePositions are needed: not here")
        sources = of["sources"]
        return ",".join([await self._pinned(s, s.get("targetRevision", "")) for s in sources])

    async def _pinned(self, source: Json, revision: str) -> str:
        """The commit of a revision; a full one is taken as it is."""
        if _SHA.fullmatch(revision):
            return revision
        await self._context.kernel.clock.work(_LS_REMOTE)
        try:
            return self._context.engine.sources.resolve(source, revision)
        except SourceError as error:
            raise ApiError(FAILED, str(error)) from None

    def _start(self, name: str, operation: Json) -> Json:
        app = self._context.present(name)
        if app.get("operation"):
            raise ApiError(FAILED, "another operation is already in progress")
        new = with_status({**app, "operation": operation}, operationState=None)
        stored = self._context.applications.replace(new)
        revision = commit(operation["sync"])
        message = f"{operation['initiatedBy']['username']} initiated sync to {revision}"
        self._context.engine.journal.note(stored, "OperationStarted", message)
        return stored

    def _enforce_sync(self, account: Account, app: Json) -> None:
        thing = f"{project_of(app)}/{name_of(app)}"
        self._context.access.enforce(account, "applications", "sync", thing)


def _automated(app: Json) -> bool:
    automated = (app["spec"].get("syncPolicy") or {}).get("automated")
    return automated is not None and automated.get("enabled") is not False


def _options(asked: Json, policy: Json) -> list[str] | None:
    """Options of the request replace those of the spec."""
    options = asked.get("syncOptions")
    if options is not None:
        return list(options.get("items") or ()) or None
    return policy.get("syncOptions")


async def _read(request: web.Request, schema: Any, name: str) -> Json:
    value = await body(request)
    return decoded(lambda found: decode(schema, found, name), value)
