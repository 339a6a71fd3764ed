"""`POST /webhooks/gitlab`: what GitLab tells is written down, and somebody goes to look."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog
from aiohttp import web

from qbot.domain.hearsay import Heard
from qbot.errors import PermanentError, TransientError
from qbot.web.bodies import Bodies, RefusedBodyError
from qbot.web.hooks import Complaints
from qbot.web.hooks.events import Known, MalformedError, parse
from qbot.web.hooks.proof import Proof, delivery_key

log = structlog.get_logger()
PATH = "/webhooks/gitlab"
Counted = Callable[[str, str], None]
"""Is told of each delivery: from whom, and what came of it."""


class Hearing(Protocol):
    """Where it is written down."""

    async def hear(self, key: str, heard: Heard) -> bool:
        """Once for each key, in one transaction; False: it came before."""


class GitLabHooks:
    """The route.

    Args:
        proof: what proves the sender; None: webhooks are not set up.
        known: the projects that count.
        hearing: where it is written down.
        heard: is called when there is something to look at.
        now: what time it is.
        counted: is told what came of each.
        bodies: how they are read.
    """

    def __init__(
        self,
        *,
        proof: Proof | None,
        known: Known,
        hearing: Hearing,
        heard: Callable[[], None],
        now: Callable[[], datetime],
        counted: Counted,
        bodies: Bodies | None = None,
    ) -> None:
        self._proof = proof
        self._known = known
        self._hearing = hearing
        self._heard = heard
        self._now = now
        self._counted = counted
        self._bodies = bodies or Bodies()
        self._complaints = Complaints("gitlab", now)

    def routes(self) -> list[web.RouteDef]:
        """To be served where GitLab's webhooks point to."""
        return [web.post(PATH, self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """Verify, write down, answer."""
        status, result = await self._taken(request)
        self._counted("gitlab", result)
        if status != web.HTTPOk.status_code:
            self._complaints.say(result)
        return web.Response(status=status, text=f"{result}\n")

    async def _taken(self, request: web.Request) -> tuple[int, str]:
        """The status of the answer, and what came of it in a word."""
        if self._proof is None:
            return 503, "not-configured"
        if why := self._proof.beforehand(request.headers, self._now()):
            return 401, why
        try:
            body = await self._bodies.read(request)
        except RefusedBodyError as error:
            return error.status, error.reason
        if why := self._proof.refusal(request.headers, body, self._now()):
            return 401, why
        try:
            heard = parse(body, self._known, self._now())
        except MalformedError as error:
            log.info("a webhook cannot be read", source="gitlab", reason=str(error))
            return 400, "malformed"
        return await self._written(request, body, heard)

    async def _written(
        self, request: web.Request, body: bytes, heard: Heard | None
    ) -> tuple[int, str]:
        if heard is None:
            return 200, "ignored"
        try:
            fresh = await self._hearing.hear(delivery_key(request.headers, body), heard)
        except TransientError as error:
            log.warning("a webhook could not be written down", reason=str(error))
            return 503, "database"
        except PermanentError:
            log.exception("a webhook was refused by the database")
            return 400, "refused"
        if fresh:
            self._heard()
        return 200, "heard" if fresh else "repeated"
