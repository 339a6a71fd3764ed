"""What became of deliveries, over the API; sending one again, and trying a hook out."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import ApiError, NotBuiltError, invalid, message, not_found
from qbot.sandbox.gitlab.hooks.announcer import Announcer
from qbot.sandbox.gitlab.hooks.book import HookBook
from qbot.sandbox.gitlab.hooks.endpoints import find_hook
from qbot.sandbox.gitlab.hooks.records import (
    INTERNAL_ERROR,
    KINDS,
    OTHERS,
    Hook,
    HookEvent,
    Outgoing,
)
from qbot.sandbox.gitlab.hooks.samples import sample
from qbot.sandbox.gitlab.hooks.sender import Sender
from qbot.sandbox.gitlab.model import Project
from qbot.sandbox.gitlab.paging import offset_page, per_page
from qbot.sandbox.gitlab.routing import Route, route

_PER_MINUTE = 5  # tries, and separately deliveries sent again, of one hook by one person
_MINUTE = timedelta(minutes=1)
_TOO_OFTEN = "This endpoint has been requested too many times. Try again later."
_MOST_PER_PAGE = 20
_CLASSES = {"successful": ("2",), "client_failure": ("4",), "server_failure": ("5", INTERNAL_ERROR)}


class EventEndpoints:
    """The endpoints of deliveries."""

    def __init__(self, book: HookBook, sender: Sender, announcer: Announcer) -> None:
        self._book = book
        self._sender = sender
        self._announcer = announcer
        self._asked: dict[tuple[str, int, int], list[Any]] = {}

    def routes(self) -> list[Route]:
        """The endpoints."""
        found = []
        for place in ("projects", "groups"):
            one = f"/{place}/:id/hooks/:hook_id"
            found += [
                route("GET", f"{one}/events", self.list_events, takes="status"),
                route("POST", f"{one}/events/:hook_log_id/resend", self.resend),
                route("POST", f"{one}/test/:trigger", self.test),
            ]
        return found

    async def list_events(self, ask: Ask) -> Reply:
        """The deliveries of the last seven days, newest first, at most 20 to a page."""
        hook = find_hook(ask, self._book)
        if per_page(ask) > _MOST_PER_PAGE:
            raise invalid("per_page does not have a valid value")
        wanted = ask.params.texts("status")
        for each in wanted:
            if each not in _CLASSES and not (each.isdecimal() and len(each) == 3):
                raise invalid("status does not have a valid value")
        starts = tuple(start for each in wanted for start in _CLASSES.get(each, (each,)))
        rows = [
            event
            for event in hook.recent(ask.world.now())
            if not wanted or event.status.startswith(starts)
        ]
        return offset_page(ask, rows, _event_json)

    async def resend(self, ask: Ask) -> Reply:
        """Send a delivery again under its old key; 422 where nobody answers."""
        hook = find_hook(ask, self._book)
        self._count(ask, "resend", hook)
        recent = hook.recent(ask.world.now())
        found = next((e for e in recent if str(e.id) == ask.path["hook_log_id"]), None)
        if found is None:
            raise not_found()
        if found.url != hook.url:
            raise message(422, "The hook URL has changed. This log entry cannot be retried.")
        if hook.alert_status(ask.world.now()) != "executable":
            raise message(422, "Hook disabled")
        again = await self._sender.deliver(hook, found.outgoing)
        if again.status == INTERNAL_ERROR:
            raise message(422, again.error)
        return Reply({"response_status": int(again.status)}, 201)

    async def test(self, ask: Ask) -> Reply:
        """Try a hook out, though it be disabled; that it works enables it."""
        hook = find_hook(ask, self._book)
        flag = ask.path["trigger"]
        if flag in OTHERS:
            raise NotBuiltError(f"a test of a webhook with {flag}")
        if flag not in KINDS:
            raise invalid("trigger does not have a valid value")
        self._count(ask, "test", hook)
        project = self._sampled(ask, hook)
        data = sample(ask.world, project, ask.user, flag, self._announcer.payload)
        outgoing = Outgoing(KINDS[flag], project.path, data, str(uuid4()), str(uuid4()))
        event = await self._sender.deliver(hook, outgoing)
        if event.status[:1] != "2":
            raise message(422, event.error or event.response_body)
        return Reply({"message": "201 Created"}, 201)

    def _sampled(self, ask: Ask, hook: Hook) -> Project:
        """The hook's project; of a group's hook its first."""
        place = hook.place
        if isinstance(place, Project):
            return place
        inside = (p for p in ask.world.projects.values() if p.path.startswith(f"{place.path}/"))
        found = next(inside, None)
        if found is None:
            raise message(422, "Ensure the group has a project with commits.")
        return found

    def _count(self, ask: Ask, what: str, hook: Hook) -> None:
        now, key = ask.world.now(), (what, hook.id, ask.user.id)
        recent = [at for at in self._asked.get(key, []) if at > now - _MINUTE]
        if len(recent) >= _PER_MINUTE:
            raise ApiError(429, {"message": {"error": _TOO_OFTEN}})
        self._asked[key] = [*recent, now]


def _event_json(event: HookEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "url": event.url,
        "trigger": event.outgoing.kind.trigger,
        "request_headers": event.request_headers,
        "request_data": event.outgoing.data,
        "response_headers": event.response_headers,
        "response_body": event.response_body,
        "execution_duration": round(event.seconds, 6),
        "response_status": event.status,
    }
