"""AppProjects.

Source: Argo CD `server/project/project.go`; `pkg/apis/application/v1alpha1/app_project_types.go`.
"""

from aiohttp import web

from qbot.sandbox.argocd.accounts import Account
from qbot.sandbox.argocd.api.requests import Context, body, decoded, flag
from qbot.sandbox.argocd.decoding import FLAG, Block, decode
from qbot.sandbox.argocd.errors import ABORTED, INVALID, ApiError, missing
from qbot.sandbox.argocd.objects import Json, merged, name_of, project_of
from qbot.sandbox.argocd.permits import destination_permitted, source_permitted
from qbot.sandbox.argocd.specs import PROJECT, invalid_metadata

_CREATE = Block({"project": PROJECT, "upsert": FLAG})
_CONFLICT = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


class Projects:
    """The handlers of AppProjects."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shelf = context.projects

    def routes(self) -> list[web.RouteDef]:
        """Where the handlers are."""
        every, one = "/api/v1/projects", "/api/v1/projects/{name}"
        return [
            web.post(every, self.create),
            web.get(every, self.list, allow_head=False),
            web.get(one, self.get, allow_head=False),
            web.put(one, self.update),
            web.delete(one, self.delete),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """A new project; one that is there already is compared, or its spec replaced."""
        account = self._context.access.account(request)
        asked = await self._read(request)
        project = asked["project"]
        name = name_of(project)
        self._context.access.enforce(account, "projects", "create", name)
        self._check(project)
        if complaint := invalid_metadata("AppProject", project["metadata"]):
            raise ApiError(INVALID, complaint)
        existing = self._shelf.get(name)
        if existing is None:
            return web.json_response(self._shelf.create({**project, "status": {}}))
        if existing["spec"] == project["spec"]:
            return web.json_response(existing)
        if not asked.get("upsert"):
            keys = _differences(existing["spec"], project["spec"])
            message = "existing project spec is different; use upsert flag to force update"
            raise ApiError(INVALID, f'{message}; difference in keys "{keys}"')
        self._context.access.enforce(account, "projects", "update", name)
        return web.json_response(self._shelf.replace({**existing, "spec": project["spec"]}))

    async def list(self, request: web.Request) -> web.Response:
        """The projects that the caller may read."""
        account = self._context.access.account(request)
        items = [
            project
            for name, project in sorted(self._shelf.objects.items())
            if self._context.access.allows(account, "projects", "get", name)
        ]
        version = self._shelf.current_version()
        return web.json_response({"metadata": {"resourceVersion": version}, "items": items})

    async def get(self, request: web.Request) -> web.Response:
        """One project."""
        account = self._context.access.account(request)
        name = request.match_info["name"]
        self._context.access.enforce(account, "projects", "get", name)
        return web.json_response(self._find(name))

    async def update(self, request: web.Request) -> web.Response:
        """PUT: needs the version that it replaces, and rights on what it adds."""
        account = self._context.access.account(request)
        project = (await self._read(request))["project"]
        name = request.match_info["name"]
        self._context.access.enforce(account, "projects", "update", name)
        existing = self._find(name)
        self._check(project)
        self._enforce_additions(account, existing["spec"], project["spec"])
        self._check_users(name, existing["spec"], project["spec"])
        _check_version(name, existing, project["metadata"].get("resourceVersion", ""))
        parts = {
            part: project["metadata"].get(part) for part in ("labels", "annotations", "finalizers")
        }
        metadata = merged(existing["metadata"], **parts)
        new = {**existing, "metadata": metadata, "spec": project["spec"]}
        return web.json_response(self._shelf.replace(new))

    async def delete(self, request: web.Request) -> web.Response:
        """Refused while Applications, dying ones too, refer to the project."""
        account = self._context.access.account(request)
        name = request.match_info["name"]
        self._context.access.enforce(account, "projects", "delete", name)
        self._find(name)
        if name == "default":
            raise ApiError(INVALID, "name 'default' is reserved and cannot be deleted")
        count = sum(project_of(app) == name for app in self._context.applications.objects.values())
        if count:
            raise ApiError(INVALID, f"project is referenced by {count} applications")
        self._shelf.delete(name)
        return web.json_response({})

    async def _read(self, request: web.Request) -> Json:
        value = await body(request)
        asked = decoded(lambda found: decode(_CREATE, found, "ProjectCreateRequest"), value)
        project = asked.setdefault("project", {})
        project.setdefault("metadata", {})
        project.setdefault("spec", {})
        asked["upsert"] = asked.get("upsert") or flag(request, "upsert")
        if project["spec"].get("syncWindows"):
            self._context.refuse("project.spec.syncWindows")
        return asked

    def _find(self, name: str) -> Json:
        project = self._shelf.get(name)
        if project is None:
            raise missing("appprojects", name)
        return project

    def _check(self, project: Json) -> None:
        """The validations of a project's own fields."""
        spec = project["spec"]
        seen: set[str] = set()
        for entry in spec.get("destinations", ()):
            place = f"{entry.get('server', '')}/{entry.get('namespace', '')}"
            if place + entry.get("name", "") in seen:
                raise ApiError(INVALID, f"destination '{place}' already added")
            seen.add(place + entry.get("name", ""))
            if entry.get("server") == "!*" or entry.get("namespace") == "!*":
                raise ApiError(INVALID, "destination has an invalid format, '!*'")
        repositories: set[str] = set()
        for url in spec.get("sourceRepos", ()):
            if url in repositories:
                raise ApiError(INVALID, f"source repository '{url}' already added")
            repositories.add(url)

    def _enforce_additions(self, account: Account, old: Json, new: Json) -> None:
        before = [entry.get("server") for entry in old.get("destinations", ())]
        for entry in new.get("destinations", ()):
            if entry.get("server") not in before:
                self._context.access.enforce(account, "clusters", "update", entry.get("server", ""))
        for url in new.get("sourceRepos", ()):
            if url not in old.get("sourceRepos", ()):
                self._context.access.enforce(account, "repositories", "update", url)

    def _check_users(self, name: str, old: Json, new: Json) -> None:
        """What Applications use may not be taken from them."""
        lost_source = lost_destination = 0
        for app in self._context.applications.objects.values():
            if project_of(app) != name:
                continue
            url = (app["spec"].get("source") or {}).get("repoURL", "")
            place = app["spec"]["destination"]
            lost_source += source_permitted(old, url) and not source_permitted(new, url)
            lost_destination += destination_permitted(old, place) and not destination_permitted(
                new, place
            )
        for what, count in (("source", lost_source), ("destination", lost_destination)):
            if count:
                message = (
                    f"as a result of project update {count} applications {what} became invalid"
                )
                raise ApiError(INVALID, message)


def _check_version(name: str, existing: Json, version: str) -> None:
    if not version:
        raise ApiError(
            INVALID,
            f'appprojects.argoproj.io "{name}" is invalid: metadata.resourceVersion: Invalid value:'
            " 0x0: must be specified for an update",
        )
    if version != existing["metadata"]["resourceVersion"]:
        message = f'Operation cannot be fulfilled on appprojects.argoproj.io "{name}": {_CONFLICT}'
        raise ApiError(ABORTED, message)


def _differences(old: Json, new: Json) -> str:
    keys = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    return ",".join(key[0].upper() + key[1:] for key in keys)
