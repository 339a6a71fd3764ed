"""The checks before an Application is written, in the vendor's order.

Source: Argo CD `server/application/application.go` (validateAndNormalizeApp), `util/argo/argo.go`.
"""

from qbot.sandbox.argocd.api.requests import Context
from qbot.sandbox.argocd.engine import conditions
from qbot.sandbox.argocd.engine.sources import SourceError
from qbot.sandbox.argocd.engine.validity import bad_destination, not_permitted
from qbot.sandbox.argocd.errors import INVALID, ApiError
from qbot.sandbox.argocd.objects import Json, name_of, project_of

_RENDERING = 0.25  # seconds of work: cluster version, API discovery, manifests


class Validation:
    """May this Application be written?"""

    def __init__(self, context: Context) -> None:
        self._context = context

    def check_project(self, app: Json) -> None:
        """The project must be there, and known to this API server.

        Raises:
            ApiError: 400; also for a moment after the project was created.
        """
        name = project_of(app)
        if name in self._context.projects.visible:
            return
        message = f'app is not allowed in project "{name}", or the project does not exist'
        raise ApiError(INVALID, message)

    async def check(self, app: Json, *, validate: bool) -> None:
        """Destination, then (with `validate`) repository and manifests, then permissions.

        Raises:
            ApiError: 400 with the vendor's wording; 501 for what the stand-in lacks.
        """
        self.check_project(app)
        spec = app["spec"]
        self._context.refuse_unknown(spec)
        if problem := bad_destination(spec["destination"]):
            message = f"application destination spec for {name_of(app)} is invalid: {problem}"
            raise ApiError(INVALID, message)
        if validate and (spec.get("source") or {}).get("repoURL"):
            _refuse(app, await self._render(app))
        project = self._context.projects.get(project_of(app))
        _refuse(app, not_permitted(spec, project) if project else [])

    async def _render(self, app: Json) -> list[str]:
        await self._context.kernel.clock.work(_RENDERING)
        source = app["spec"]["source"]
        if not self._context.engine.sources.reachable(source):
            cause = "rpc error: code = Unknown desc = authentication required"
            return [f"repository not accessible: {source['repoURL']}: {cause}"]
        try:
            self._context.engine.sources.load(app)
        except SourceError as error:
            path = source.get("path", "")
            cause = f"rpc error: code = Unknown desc = {error}"
            return [f"Unable to generate manifests in {path}: {cause}"]
        return []


def _refuse(app: Json, problems: list[str]) -> None:
    if problems:
        found = ({"type": "InvalidSpecError", "message": each} for each in problems)
        text = conditions.text(found)
        raise ApiError(INVALID, f"application spec for {name_of(app)} is invalid: {text}")
