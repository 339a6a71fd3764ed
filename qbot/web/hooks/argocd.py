"""`POST /webhooks/argocd`: somebody looks at the Application that a notification is about.

Argo CD cannot sign what it sends (https://argo-cd.readthedocs.io/en/stable/operator-manual/
notifications/services/webhook/): a bearer token proves the sender, and what it says proves nothing.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from qbot.domain.names import MAX_APPLICATION
from qbot.operations.hints import Hint
from qbot.web.bodies import Bodies, RefusedBodyError
from qbot.web.hooks import Complaints
from qbot.web.hooks.gitlab import Counted

PATH = "/webhooks/argocd"
_BEARER = "Bearer "
MAX_BODY = 256 * 1024  # bytes; an Application's state may list what it made


class ArgoCDHooks:
    """The route.

    Args:
        tokens: by the instance's name; empty: notifications are not set up.
        hear: takes a hint; False: it has too much to do.
        now: what time it is.
        counted: is told what came of each.
        bodies: how they are read.
    """

    def __init__(
        self,
        *,
        tokens: Mapping[str, str],
        hear: Callable[[Hint], bool],
        now: Callable[[], datetime],
        counted: Counted,
        bodies: Bodies | None = None,
    ) -> None:
        self._tokens = tokens
        self._hear = hear
        self._counted = counted
        self._bodies = bodies or Bodies(most=MAX_BODY)
        self._complaints = Complaints("argocd", now)

    def routes(self) -> list[web.RouteDef]:
        """To be served where the notifications point to."""
        return [web.post(PATH, self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """Verify, take the hint, answer."""
        status, result = await self._taken(request)
        self._counted("argocd", result)
        if status != web.HTTPOk.status_code:
            self._complaints.say(result)
        return web.Response(status=status, text=f"{result}\n")

    async def _taken(self, request: web.Request) -> tuple[int, str]:
        if not self._tokens:
            return 503, "not-configured"
        instance = self._sender(request.headers.get("Authorization", ""))
        if instance is None:
            return 401, "token"
        try:
            body = await self._bodies.read(request)
        except RefusedBodyError as error:
            return error.status, error.reason
        hint = hint_of(instance, body)
        if hint is None:
            return 400, "malformed"
        return (200, "heard") if self._hear(hint) else (503, "busy")

    def _sender(self, header: str) -> str | None:
        """The instance whose token it is; all are compared, so that time tells nothing."""
        given = header.removeprefix(_BEARER).encode(errors="surrogateescape")
        found = [
            name
            for name, token in self._tokens.items()
            if hmac.compare_digest(given, token.encode())
        ]
        return found[0] if found and header.startswith(_BEARER) else None


def hint_of(instance: str, body: bytes) -> Hint | None:
    """Which Application it is about; None: it does not say. Pure."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    project, name = _name(said.get("project")), _name(said.get("app"))
    return Hint(instance, project, name) if project and name else None


def _name(said: Any) -> str:
    """Empty: it is none."""
    is_name = isinstance(said, str) and len(said) <= MAX_APPLICATION and said.isascii()
    return said if is_name else ""
