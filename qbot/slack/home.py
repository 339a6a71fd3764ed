"""The App Home is opened: noted, so that it is filled and followed from then on."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from qbot.domain.home import HomeRows
from qbot.domain.people import Actor
from qbot.domain.policy import Decision, Denied, Room, admit
from qbot.domain.ports import Audit
from qbot.domain.subjects import of_event
from qbot.errors import QbotError
from qbot.operations.rights import Rights
from qbot.slack.payload import Body, of_home
from qbot.slack.visitors import Visitors

log = structlog.get_logger()
OPENED = "app_home_opened"
_HERE = Room("", shared=False, direct=True)  # nobody else sees it


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeTab:
    """`refused` counts a refusal by its rule; `later` finishes something after the event."""

    team: str
    visitors: Visitors
    rights: Rights
    audit: Audit
    rows: HomeRows
    refused: Callable[[str], None]
    later: Callable[[Coroutine[Any, Any, None]], None]

    async def opened(self, body: Body) -> None:
        """Slack tells of the Messages and About tabs too: those are not ours to fill."""
        actor = of_home(body)
        if actor is not None:
            self.later(self._note(actor))

    async def decide(self, actor: Actor) -> Decision:
        """Whether this person may see what the overview tells.

        Raises:
            TransientError: Slack says nothing of them.
        """
        if actor.team != self.team:
            return Denied("Qbot serves another Slack workspace.", "foreign-workspace")
        decision = admit(await self.visitors.visitor(actor), _HERE, team=self.team)
        if isinstance(decision, Denied):
            return decision
        return await self.rights.decide(of_event(OPENED), actor)

    async def _note(self, actor: Actor) -> None:
        if actor.team != self.team:  # no Home of theirs is ours
            self.refused("foreign-workspace")
            return
        await self.rows.opened(actor)
        decision = await self.decide(actor)
        if isinstance(decision, Denied):
            self.refused(decision.rule)
            try:
                await self.audit.turned_away(actor, decision.rule, "")
            except QbotError as error:  # refused all the same
                log.warning("a refusal is not in the audit log", error=str(error))
