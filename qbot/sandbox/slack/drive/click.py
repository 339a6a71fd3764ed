"""Pressing a button, or using a select, in a message, a modal or the App Home."""

import asyncio
from typing import Any

from aiohttp import web

from qbot.sandbox.slack import payloads
from qbot.sandbox.slack.blocks.check import elements_of
from qbot.sandbox.slack.delivery.courier import Courier
from qbot.sandbox.slack.drive import asked, state
from qbot.sandbox.slack.drive.asked import Lookup
from qbot.sandbox.slack.drive.seen import Answers
from qbot.sandbox.slack.drive.suggest import Suggestions
from qbot.sandbox.slack.errors import DriveError
from qbot.sandbox.slack.model import Channel, Json, Message, User, View
from qbot.sandbox.slack.responses import Responses
from qbot.sandbox.slack.world import World

Spot = tuple[Json, Json]  # a block, and an element in it


class Click:
    """`POST /drive/click`."""

    def __init__(
        self, world: World, courier: Courier, responses: Responses, suggestions: Suggestions
    ) -> None:
        self._world = world
        self._courier = courier
        self._responses = responses
        self._suggestions = suggestions
        self._lookup = Lookup(world)

    async def handle(self, request: web.Request) -> Json:
        """`{user, channel, ts | view_id, action_id, value?, stale?}`; answers like slash.

        `value` tells elements with the same action_id apart, or is what a select is set to.
        With `stale` the button may be one that an earlier version of the message showed.
        """
        given = await asked.body(request, "user action_id", "channel ts view_id value stale")
        user = self._lookup.user(given["user"])
        if "view_id" in given:
            return await self._in_view(user, given)
        if "channel" not in given or "ts" not in given:
            raise DriveError("missing: channel and ts, or view_id")
        stale = bool(given.get("stale"))
        channel = self._lookup.channel(given["channel"], user)
        message = self._lookup.message(channel, given["ts"], user, gone=stale)
        if user.id not in channel.members:
            raise DriveError(f"{user.name} is not in {given['channel']}")
        return await self._in_message(user, channel, message, given)

    async def _in_message(
        self, user: User, channel: Channel, message: Message, given: Json
    ) -> Json:
        versions = [_blocks(message)]
        if given.get("stale"):
            versions += reversed(message.versions)
        block, element = find(versions, str(given["action_id"]), given.get("value"))
        where = payloads.place(channel, message)
        action, values = await self._act(user, where, block, element, given)
        trigger = self._world.trigger(user.id)
        url = self._responses.issue("actions", user.id, channel.id, trigger, message)
        payload = payloads.message_action(
            user, channel, message, action, state.first(message.blocks) | values,
            trigger=trigger, response_url=url,
        )  # fmt: skip
        return await self._send(Answers(self._world, user, channel.id, trigger, message), payload)

    async def _in_view(self, user: User, given: Json) -> Json:
        view = self._world.find_view(str(given["view_id"]))
        if view is None and given.get("stale"):
            view = self._world.closed.get(str(given["view_id"]))
        if view is None or view.user != user.id:
            raise DriveError(f"{user.name} has no view {given['view_id']} open")
        spot = find([view.spec["blocks"]], str(given["action_id"]), given.get("value"))
        action, values = await self._act(user, payloads.within(view), *spot, given)
        for block_id, changed in values.items():
            view.values.setdefault(block_id, {}).update(changed)
        trigger = self._world.trigger(user.id, view.id if view.is_modal else "")
        payload = payloads.view_action(user, self._shown(view), action, trigger)
        return await self._send(Answers(self._world, user, "", trigger), payload)

    def _shown(self, view: View) -> View:
        """The view with the state of all its inputs, as Slack sends it."""
        for block_id, values in state.first(view.spec["blocks"]).items():
            kept = view.values.setdefault(block_id, {})
            view.values[block_id] = values | kept
        return view

    async def _act(
        self, user: User, where: Json, block: Json, element: Json, given: Json
    ) -> tuple[Json, dict[str, dict[str, Json]]]:
        """The action in the payload, and what it changed in the state."""
        action: Json = {
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            "type": element["type"],
            "action_ts": self._world.next_ts(),
        }
        if element["type"] == "button":
            more = {name: element[name] for name in ("text", "value", "style") if name in element}
            return action | more, {}
        if element["type"] == "overflow":
            picked = state.pick(element["options"], given.get("value"))
            return action | {"selected_option": picked}, {}
        suggested = await self._suggestions.options(user, where, block, element, given.get("value"))
        changed = state.chosen(self._world, element, given.get("value"), suggested)
        return action | changed, {block["block_id"]: {element["action_id"]: changed}}

    async def _send(self, answers: Answers, payload: Json) -> Json:
        started = asyncio.get_running_loop().time()
        with self._world.watching(answers.watch):
            outcomes = await self._courier.deliver("interactive", payload)
            if not outcomes[0].error:
                await answers.settle(started)
        report = answers.report(outcomes[0])
        return report | ({"error": outcomes[0].error} if outcomes[0].error else {})


def _blocks(message: Message) -> list[Json]:
    attached = [block for one in message.attachments for block in one.get("blocks", ())]
    return [] if message.deleted else [*message.blocks, *attached]


def find(versions: list[list[Json]], action_id: str, value: Any) -> Spot:
    """The one element with this action_id in the first version that shows it.

    Raises:
        DriveError: none does, or several do and `value` does not tell them apart.
    """
    for blocks in versions:
        spots = shown = [
            (block, element)
            for block in blocks
            for element in elements_of(block)
            if element.get("action_id") == action_id and _fits(element, value)
        ]
        if len(spots) > 1:  # a menu for each of several rows
            spots = [(block, element) for block, element in spots if _offers(element, value)]
        if len(spots) != 1 and shown:
            raise DriveError(f"several elements {action_id!r}: say which by its value")
        if spots:
            return spots[0]
    raise DriveError(f"nothing shown has the action_id {action_id!r} (value {value!r})")


def _offers(element: Json, value: Any) -> bool:
    return any(option["value"] == value for option in element.get("options", ()))


def _fits(element: Json, value: Any) -> bool:
    if element["type"] == "button":
        return value is None or element.get("value") == value
    if element["type"] == "overflow":
        return any(option["value"] == value for option in element["options"])
    return True
