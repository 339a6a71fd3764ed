"""Creating and changing Applications.

Source: Argo CD `server/application/application.go` (Create, Update, UpdateSpec, Patch).
"""

import asyncio
import json

from aiohttp import web

from qbot.sandbox.argocd import patches
from qbot.sandbox.argocd.accounts import Account
from qbot.sandbox.argocd.api.requests import Context, body, check_namespace, decoded, flag
from qbot.sandbox.argocd.api.validation import Validation
from qbot.sandbox.argocd.decoding import decode
from qbot.sandbox.argocd.errors import INTERNAL, INVALID, UNKNOWN, ApiError, missing
from qbot.sandbox.argocd.objects import (
    Json,
    merged,
    name_of,
    project_of,
)
from qbot.sandbox.argocd.specs import (
    PATCH,
    application,
    application_spec,
    invalid_metadata,
    too_late,
)

_FRESH_STATUS: Json = {
    "health": {},
    "summary": {},
    "sync": {"status": "", "comparedTo": {"source": {"repoURL": ""}, "destination": {}}},
    "sourceHydrator": {},
}
_TAKEN = ("labels", "annotations", "finalizers")
_INFORMER_WAIT = 2.0  # seconds that a write waits for the server's own informer at most


class Writes:
    """The handlers of create, update, update spec and patch."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._validation = Validation(context)

    def routes(self) -> list[web.RouteDef]:
        """Where the handlers are."""
        one = "/api/v1/applications/{name}"
        return [
            web.post("/api/v1/applications", self.create),
            web.put(one, self.update),
            web.put(f"{one}/spec", self.update_spec),
            web.patch(one, self.patch),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """A new Application; one that is there already is compared, or replaced with `upsert`."""
        account = self._context.access.account(request)
        app = decoded(application, await body(request))
        upsert, validate = flag(request, "upsert"), flag(request, "validate", default=True)
        name, project = name_of(app), project_of(app)
        self._context.access.enforce(account, "applications", "create", f"{project}/{name}")
        self._validation.check_project(app)
        if not name:
            raise ApiError(UNKNOWN, "resource name may not be empty")
        check_namespace(app["metadata"].get("namespace", ""))
        await self._validation.check(app, validate=validate)
        if complaint := invalid_metadata("Application", app["metadata"]):
            raise ApiError(INVALID, complaint)
        existing = self._context.applications.get(name)
        if existing is None:
            stored = self._context.applications.create({**app, "status": _FRESH_STATUS})
            message = f"{account.name} created application"
            self._context.engine.journal.note(stored, "ResourceCreated", message)
        else:
            stored = self._upsert(account, existing, app, upsert=upsert)
        await self._informed()
        return web.json_response(stored)

    async def update(self, request: web.Request) -> web.Response:
        """PUT: spec, labels, annotations and finalizers are replaced."""
        account = self._context.access.account(request)
        app = decoded(application, await body(request))
        app["metadata"]["name"] = request.match_info["name"]
        existing = self._existing(account, request, app)
        await self._validation.check(app, validate=flag(request, "validate", default=True))
        return web.json_response(await self._replace(existing, app, app["metadata"]))

    async def update_spec(self, request: web.Request) -> web.Response:
        """PUT spec: the answer is the spec alone."""
        account = self._context.access.account(request)
        spec = decoded(application_spec, await body(request))
        app: Json = {"metadata": {"name": request.match_info["name"]}, "spec": spec}
        existing = self._existing(account, request, app)
        await self._validation.check(app, validate=flag(request, "validate", default=True))
        stored = await self._replace(existing, app, existing["metadata"])
        return web.json_response(stored["spec"])

    async def patch(self, request: web.Request) -> web.Response:
        """PATCH: always validated; what is no spec, label, annotation or finalizer is ignored."""
        account = self._context.access.account(request)
        asked = decoded(
            lambda value: decode(PATCH, value, "ApplicationPatchRequest"), await body(request)
        )
        for field in ("patch", "patchType"):
            if field not in asked:
                raise ApiError(INTERNAL, f'required field "{field}" not set')
        check_namespace(asked.get("appNamespace", ""))
        existing = self._context.find(request, account, asked.get("project", ""))
        self._enforce_update(account, existing)
        app = decoded(application, _patched(existing, asked["patch"], asked["patchType"]))
        app["metadata"]["name"] = name_of(existing)
        self._enforce_move(account, existing, app)
        await self._validation.check(app, validate=True)
        return web.json_response(await self._replace(existing, app, app["metadata"]))

    def _upsert(self, account: Account, existing: Json, app: Json, *, upsert: bool) -> Json:
        if _same(existing, app):
            return existing
        if not upsert:
            message = "existing application spec is different, use upsert flag to force update"
            raise ApiError(INVALID, message)
        self._enforce_update(account, existing)
        self._enforce_move(account, existing, app)
        metadata = {
            part: {**(existing["metadata"].get(part) or {}), **(app["metadata"].get(part) or {})}
            for part in ("labels", "annotations")
        }
        metadata["finalizers"] = app["metadata"].get("finalizers")
        return self._write(existing, app["spec"], metadata)

    def _existing(self, account: Account, request: web.Request, app: Json) -> Json:
        existing = self._context.find(request, account)
        self._enforce_update(account, existing)
        self._enforce_move(account, existing, app)
        return existing

    def _enforce_update(self, account: Account, app: Json) -> None:
        thing = f"{project_of(app)}/{name_of(app)}"
        self._context.access.enforce(account, "applications", "update", thing)

    def _enforce_move(self, account: Account, existing: Json, app: Json) -> None:
        """Moving to another project needs rights there too."""
        if project_of(existing) != project_of(app):
            thing = f"{project_of(app)}/{name_of(existing)}"
            self._context.access.enforce(account, "applications", "create", thing)
            self._context.access.enforce(account, "applications", "update", thing)

    async def _replace(self, existing: Json, app: Json, metadata: Json) -> Json:
        """Write over the newest version: nobody's changes to the status are lost."""
        newest = self._context.applications.get(name_of(existing))
        if newest is None:
            raise missing("applications", name_of(existing))
        stored = self._write(newest, app["spec"], {part: metadata.get(part) for part in _TAKEN})
        await self._informed()
        return stored

    def _write(self, existing: Json, spec: Json, metadata: Json) -> Json:
        if complaint := too_late(existing, metadata.get("finalizers") or ()):
            raise ApiError(INVALID, complaint)
        filled = {part: value or None for part, value in metadata.items()}
        new = {**existing, "spec": spec, "metadata": merged(existing["metadata"], **filled)}
        return self._context.applications.replace(new)

    async def _informed(self) -> None:
        lag = self._context.applications.lag
        if lag:
            await self._context.kernel.clock.sleep(min(lag, _INFORMER_WAIT))
        else:
            await asyncio.sleep(0)


def _same(existing: Json, app: Json) -> bool:
    """What the vendor takes for identical; finalizers that the controller added count too."""
    old, new = existing["metadata"], app["metadata"]
    return existing["spec"] == app["spec"] and all(
        (old.get(part) or None) == (new.get(part) or None) for part in _TAKEN
    )


def _patched(app: Json, patch: str, kind: str) -> Json:
    if kind not in ("merge", "json"):
        raise ApiError(INVALID, f"Patch type '{kind}' is not supported")
    try:
        asked = json.loads(patch)
        result = patches.merge(app, asked) if kind == "merge" else patches.apply(app, asked)
    except (ValueError, AttributeError) as error:
        what = "calculating merge" if kind == "merge" else "applying"
        raise ApiError(UNKNOWN, f"error {what} patch: {error}") from None
    found: Json = result
    return found
