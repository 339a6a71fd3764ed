"""The server about itself and about the caller: version, settings, user, can-i, health.

Source: Argo CD `server/version`, `server/settings`, `server/session`, `server/account`.
"""

from aiohttp import web

from qbot.sandbox.argocd.api.requests import Context
from qbot.sandbox.argocd.errors import INVALID, ApiError
from qbot.sandbox.argocd.rbac import ACTIONS, RESOURCES
from qbot.sandbox.argocd.shelves import NAMESPACE

_VERSION = "v3.5.1+109ca7c"
_BUILD = {
    "BuildDate": "2026-08-12T10:00:00Z",
    "GitCommit": "109ca7ca71139e514114499d294a492e7910a965",
    "GitTreeState": "clean",
    "Compiler": "gc",
    "Platform": "linux/amd64",
}


class About:
    """The handlers that need no Application."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        """Where the handlers are."""
        return [
            web.get("/healthz", self.healthz, allow_head=False),
            web.get("/api/version", self.version, allow_head=False),
            web.get("/api/v1/settings", self.settings, allow_head=False),
            web.get("/api/v1/session/userinfo", self.userinfo, allow_head=False),
            web.get(
                "/api/v1/account/can-i/{resource}/{action}/{subresource:.*}",
                self.can_i,
                allow_head=False,
            ),
        ]

    async def healthz(self, _: web.Request) -> web.Response:
        """Whether the server works."""
        return web.Response(text="ok\n")

    async def version(self, request: web.Request) -> web.Response:
        """The version; how it was built only for who is logged in."""
        known = self._context.access.visitor(request)
        return web.json_response({"Version": _VERSION, **(_BUILD if known else {})})

    async def settings(self, request: web.Request) -> web.Response:
        """The settings that the UI needs."""
        known = self._context.access.visitor(request)
        found = {
            "url": f"{self._context.kernel.url}/argocd",
            "appLabelKey": "app.kubernetes.io/instance",
            "trackingMethod": "annotation",
        }
        return web.json_response(found | ({"controllerNamespace": NAMESPACE} if known else {}))

    async def userinfo(self, request: web.Request) -> web.Response:
        """Who the caller is; nothing is said to a stranger or for a bad token."""
        account = self._context.access.visitor(request)
        if account is None:
            return web.json_response({})
        return web.json_response({"loggedIn": True, "username": account.name, "iss": "argocd"})

    async def can_i(self, request: web.Request) -> web.Response:
        """Whether the caller's rights reach that far."""
        account = self._context.access.account(request)
        found = request.match_info
        resource, action = found["resource"], found["action"]
        if resource not in RESOURCES or action not in ACTIONS:
            raise ApiError(INVALID, f"invalid resource or action: {resource}, {action}")
        allowed = self._context.access.allows(account, resource, action, found["subresource"])
        return web.json_response({"value": "yes" if allowed else "no"})
