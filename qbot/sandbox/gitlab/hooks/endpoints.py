"""Webhooks over the API: list, get, register, change, remove; of projects and of groups."""

from qbot.sandbox.gitlab.ask import Ask, Reply
from qbot.sandbox.gitlab.errors import forbidden, message, not_found
from qbot.sandbox.gitlab.hooks import settings
from qbot.sandbox.gitlab.hooks.book import HookBook
from qbot.sandbox.gitlab.hooks.records import Hook
from qbot.sandbox.gitlab.hooks.settings import hook_json
from qbot.sandbox.gitlab.model import Group, Project, Role
from qbot.sandbox.gitlab.paging import offset_page
from qbot.sandbox.gitlab.routing import Route, route

_MOST = 100  # of one project
_TOO_MANY = f"Maximum number of project hooks ({_MOST}) exceeded"


class HookEndpoints:
    """The endpoints of hooks themselves."""

    def __init__(self, book: HookBook) -> None:
        self._book = book

    def routes(self) -> list[Route]:
        """The endpoints."""
        found = []
        for place, takes in (
            ("projects", settings.TAKES),
            ("groups", settings.TAKES_OF_GROUPS),
        ):
            root = f"/{place}/:id/hooks"
            one = f"{root}/:hook_id"
            found += [
                route("GET", root, self.list_hooks),
                route("POST", root, self.create, takes, settings.LACKS),
                route("GET", one, self.get),
                route("PUT", one, self.update, takes, settings.LACKS),
                route("DELETE", one, self.delete),
            ]
        return found

    async def list_hooks(self, ask: Ask) -> Reply:
        """All hooks of a project or group."""
        rows = self._book.of(hook_place(ask, self._book))
        return offset_page(ask, rows, lambda hook: hook_json(ask, hook))

    async def create(self, ask: Ask) -> Reply:
        """Register one; unless told otherwise for pushes alone."""
        ask.params.require("url")
        place = hook_place(ask, self._book)
        if isinstance(place, Project) and len(self._book.of(place)) >= _MOST:
            raise message(422, {"base": [_TOO_MANY]})
        hook = Hook(ask.world.next_id(), place, ask.params.text("url"), ask.world.now())
        settings.apply(ask.params, hook)
        self._book.add(hook)
        return Reply(hook_json(ask, hook), 201)

    async def get(self, ask: Ask) -> Reply:
        """One hook."""
        return Reply(hook_json(ask, find_hook(ask, self._book)))

    async def update(self, ask: Ask) -> Reply:
        """Change what was sent."""
        hook = find_hook(ask, self._book)
        settings.apply(ask.params, hook)
        return Reply(hook_json(ask, hook))

    async def delete(self, ask: Ask) -> Reply:
        """Remove it."""
        self._book.remove(find_hook(ask, self._book))
        return Reply(None, 204)


def hook_place(ask: Ask, book: HookBook) -> Project | Group:
    """The project or group in the path, for somebody who may see to its hooks.

    Raises:
        ApiError: nobody may for a group, without a licence.
    """
    if "/groups/" not in ask.request.raw_path:
        return ask.project(Role.MAINTAINER)
    group = ask.group()
    if not book.premium:
        raise message(404, "404 Not Found")
    if ask.role(group) < Role.OWNER:
        raise forbidden()
    return group


def find_hook(ask: Ask, book: HookBook) -> Hook:
    """The hook in the path.

    Raises:
        ApiError: as `hook_place`, and 404 for a number that is none.
    """
    place = hook_place(ask, book)
    for hook in book.of(place):
        if str(hook.id) == ask.path["hook_id"]:
            return hook
    raise not_found()
