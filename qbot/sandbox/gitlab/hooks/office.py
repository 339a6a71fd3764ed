"""Everything about webhooks in one piece, for who puts GitLab's stand-in together."""

from typing import Any

from qbot.sandbox.gitlab.hooks.announcer import Announcer
from qbot.sandbox.gitlab.hooks.book import HookBook
from qbot.sandbox.gitlab.hooks.endpoints import HookEndpoints
from qbot.sandbox.gitlab.hooks.event_endpoints import EventEndpoints
from qbot.sandbox.gitlab.hooks.records import KINDS, Hook
from qbot.sandbox.gitlab.hooks.sender import TIMEOUT, Sender
from qbot.sandbox.gitlab.merging import MergeMachine
from qbot.sandbox.gitlab.model import Project
from qbot.sandbox.gitlab.routing import Route
from qbot.sandbox.gitlab.world import World


class HookOffice:
    """Hears of everything in a world, and tells the hooks.

    `premium` allows groups hooks of their own; `timeout` is in seconds.
    """

    def __init__(
        self,
        world: World,
        machine: MergeMachine,
        *,
        premium: bool = False,
        timeout: float = TIMEOUT,
    ) -> None:
        self._world = world
        self.book = HookBook(premium=premium)
        self._sender = Sender(world, timeout=timeout)
        self._announcer = Announcer(world, machine, self.book, self._sender)
        world.on_pushes.append(self._announcer.pushed)
        world.on_happening.append(self._announcer.happened)

    def routes(self) -> list[Route]:
        """The endpoints."""
        events = EventEndpoints(self.book, self._sender, self._announcer)
        return [*HookEndpoints(self.book).routes(), *events.routes()]

    def register(self, project: Project, url: str, token: str) -> Hook:
        """A hook for everything that is told here."""
        hook = Hook(self._world.next_id(), project, url, self._world.now(), set(KINDS))
        hook.token = token
        self.book.add(hook)
        return hook

    def state(self) -> list[dict[str, Any]]:
        """Each hook, and how its deliveries of the last days went."""
        return [self._described(hook) for hook in self.book]

    def _described(self, hook: Hook) -> dict[str, Any]:
        now = self._world.now()
        recent = hook.recent(now)
        delivered = sum(event.good for event in recent)
        return {
            "id": hook.id,
            "of": hook.place.path,
            "url": hook.url,
            "alert_status": hook.alert_status(now),
            "delivered": delivered,
            "failed": len(recent) - delivered,
        }

    async def stop(self) -> None:
        """Drop what is under way and forget the hooks."""
        await self._sender.close()
        self.book.clear()
