"""The shop as its customers would see it: what an environment's own address shows."""

from typing import Any, Protocol
from urllib.parse import quote

from aiohttp import web

from qbot.sandbox import html
from qbot.sandbox.html import Markup, badge, element

PATH = "/shop"
FRONT = "frontend"  # the service that an environment's address leads to
_NAME = "Web Shop"
_BASE = "base"  # what the services stand on; no service itself


class Cluster(Protocol):
    """Who knows what runs."""

    def state(self) -> dict[str, Any]:
        """With `applications`: name, project, health, images and deleting of each."""


class Storefront:
    """One page per environment: its services and the versions that they run."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def routes(self) -> list[web.RouteDef]:
        """What is served below `/shop`."""
        return [web.get(f"{PATH}/{{env}}", self.look)]

    async def look(self, request: web.Request) -> web.Response:
        """The environment, with 503 until its frontend is healthy; or that nothing runs here."""
        env = request.match_info["env"]
        found = [a for a in self._cluster.state()["applications"] if a["project"] == env]
        apps = [a for a in found if a["name"] != f"{env}-{_BASE}"]
        if not apps:
            return html.missing(_NAME, f"environment {env}")
        ready = sum(a["health"] == "Healthy" and not a["deleting"] for a in apps)
        said = element("p", f"{ready} of {len(apps)} services answer.", class_="quiet")
        tiles = element("div", *(_tile(app, env) for app in apps), class_="tiles")
        whole = element("p", html.link("In Argo CD", f"/argocd/applications?proj={quote(env)}"))
        status = 200 if any(_answers(app, env) for app in apps) else 503
        return html.page(_NAME, env, said, tiles, whole, status=status)


def _answers(app: dict[str, Any], env: str) -> bool:
    """Whether it is what customers meet first, and is there for them."""
    well = app["health"] == "Healthy" and not app["deleting"]
    return well and app["name"] == f"{env}-{FRONT}"


def _tile(app: dict[str, Any], env: str) -> Markup:
    name = str(app["name"]).removeprefix(f"{env}-")
    own = [i for i in app["images"] if i.rpartition("/")[2].startswith(f"{name}:")]
    version = own[0].rpartition(":")[2] if own else ""
    health = "Deleting" if app["deleting"] else app["health"]
    tag = element("code", version[:12]) if version else None
    return element("section", element("strong", name), badge(health), tag, class_="tile")
