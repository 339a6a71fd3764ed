"""Argo CD's pages that Qbot's messages link to: the Applications of a project, and one of them."""

from typing import Any

from aiohttp import web

from qbot.sandbox import html
from qbot.sandbox.argocd.engine.origins import commit
from qbot.sandbox.argocd.objects import Json, dying, name_of, project_of
from qbot.sandbox.argocd.shelves import Shelf
from qbot.sandbox.html import Markup, badge, code, element, facts, link

_NAME = "Argo CD"


class Pages:
    """The handlers; `mount` is the path below which Argo CD is served."""

    def __init__(self, mount: str, applications: Shelf) -> None:
        self._root = f"{mount}/applications"
        self._applications = applications

    def routes(self) -> list[web.RouteDef]:
        """To be served beside the API, unrecorded: no program asks for them."""
        return [
            web.get(self._root, self.all),
            web.get(f"{self._root}/{{name}}", self.one),
            web.get(f"{self._root}/{{namespace}}/{{name}}", self.one),
        ]

    async def all(self, request: web.Request) -> web.Response:
        """Every Application, or those of the AppProject `proj`."""
        project = request.query.get("proj", "")
        found = [
            app
            for _, app in sorted(self._applications.objects.items())
            if project in ("", project_of(app))
        ]
        rows = ((self._link(app), *_state(app)) for app in found)
        heads = ("Application", "Sync", "Health", "Images")
        listed = html.table(heads, rows, none="No Applications.")
        whole = element("p", link("All Applications", self._root)) if project else ""
        return html.page(_NAME, project or "Applications", listed, whole)

    async def one(self, request: web.Request) -> web.Response:
        """One Application and its resources."""
        app = self._applications.objects.get(request.match_info["name"])
        if app is None:
            return html.missing(_NAME, f"Application {request.match_info['name']}")
        sync, health, images = _state(app)
        status, project = app["status"], project_of(app)
        operation = status.get("operationState") or {}
        about = facts(
            [
                ("Project", link(project, f"{self._root}?proj={project}")),
                ("Health", health),
                ("Health message", status["health"].get("message")),
                ("Sync", sync),
                ("Last operation", badge(operation["phase"]) if "phase" in operation else None),
                ("Its message", operation.get("message")),
                ("Revision", code(commit(status["sync"]) or "none yet")),
                ("Images", images),
            ]
        )
        heads = ("Kind", "Name", "Namespace", "Sync", "Health")
        resources = html.table(heads, map(_resource, status.get("resources") or ()), none="None.")
        return html.page(_NAME, name_of(app), about, element("h2", "Resources"), resources)

    def _link(self, app: Json) -> Markup:
        return link(name_of(app), f"{self._root}/{name_of(app)}")


def _state(app: Json) -> tuple[Markup, Markup, str]:
    """Sync, health (or that it is being deleted), images."""
    status = app["status"]
    health = "Deleting" if dying(app) else status["health"].get("status", "")
    images = (_short(image) for image in status.get("summary", {}).get("images", []))
    return badge(status["sync"].get("status", "")), badge(health), ", ".join(images)


def _short(image: str) -> str:
    """Without its registry, and with no more of a commit than people compare."""
    name, _, tag = image.rpartition("/")[2].partition(":")
    return f"{name}:{tag[:12]}"


def _resource(found: dict[str, Any]) -> tuple[str, ...]:
    health = (found.get("health") or {}).get("status", "")
    return (
        str(found.get("kind", "")),
        str(found.get("name", "")),
        str(found.get("namespace", "")),
        badge(str(found.get("status", ""))),
        badge(health) if health else "",
    )
