"""The options of an external select, which only the app knows (block_suggestion)."""

from aiohttp import web

from qbot.sandbox.slack import payloads
from qbot.sandbox.slack.blocks import objects
from qbot.sandbox.slack.blocks.schema import Report, array
from qbot.sandbox.slack.delivery.courier import Courier
from qbot.sandbox.slack.drive import asked, state
from qbot.sandbox.slack.drive.asked import Lookup
from qbot.sandbox.slack.errors import DriveError
from qbot.sandbox.slack.model import Json, User
from qbot.sandbox.slack.world import World

OPTIONS = array(objects.option(), 100, 0)


class Suggestions:
    """`POST /drive/options`, and the look-up behind setting an external select."""

    def __init__(self, world: World, courier: Courier) -> None:
        self._world = world
        self._courier = courier
        self._lookup = Lookup(world)

    async def handle(self, request: web.Request) -> Json:
        """`{user, view_id, action_id, value}` -> `{options}` for what was typed so far."""
        given = await asked.body(request, "user view_id action_id value")
        user = self._lookup.user(given["user"])
        view = self._world.find_view(str(given["view_id"]))
        if view is None or view.user != user.id:
            raise DriveError(f"{user.name} has no view {given['view_id']} open")
        for block in view.spec["blocks"]:
            element = block.get("element") or block.get("accessory") or {}
            if element.get("action_id") == given["action_id"]:
                where = payloads.within(view)
                found = await self.options(user, where, block, element, given["value"])
                return {"options": found}
        raise DriveError(f"the view shows no {given['action_id']!r}")

    async def options(
        self, user: User, where: Json, block: Json, element: Json, typed: object
    ) -> list[Json]:
        """What the app offers for the text typed so far; nothing for other elements."""
        if not element["type"].endswith("external_select"):
            return []
        wanted = typed if isinstance(typed, list) else [typed]
        found: list[Json] = []
        for one in wanted:
            found += await self._ask(user, where, block, element, str(one))
        return found

    async def _ask(
        self, user: User, where: Json, block: Json, element: Json, typed: str
    ) -> list[Json]:
        payload = payloads.suggestion(user, where, block["block_id"], element["action_id"], typed)
        outcome = (await self._courier.deliver("options", payload))[0]
        answer = outcome.body or {}
        options = state.options_of(answer)
        report = Report()
        OPTIONS(options, "/options", report)
        if outcome.error or report.complaints:
            why = outcome.error or "; ".join(report.complaints)
            raise DriveError(f"the app gave no options: {why}")
        return options
