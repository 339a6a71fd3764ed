"""Submitting and closing modals (https://docs.slack.dev/surfaces/modals/)."""

from typing import Any

from aiohttp import web

from qbot.sandbox.slack import payloads
from qbot.sandbox.slack.blocks.check import elements_of
from qbot.sandbox.slack.delivery.courier import Courier
from qbot.sandbox.slack.delivery.outcome import Outcome
from qbot.sandbox.slack.drive import asked, state
from qbot.sandbox.slack.drive.asked import Lookup
from qbot.sandbox.slack.drive.suggest import Suggestions
from qbot.sandbox.slack.errors import ApiError, DriveError
from qbot.sandbox.slack.methods import views
from qbot.sandbox.slack.model import Json, User, View
from qbot.sandbox.slack.world import World

TROUBLE = "We had some trouble connecting. Try again?"
REQUIRED = "Please complete this required field."


class Modals:
    """`POST /drive/submit`, `/drive/close` and `/drive/reload`."""

    def __init__(self, world: World, courier: Courier, suggestions: Suggestions) -> None:
        self._world = world
        self._courier = courier
        self._suggestions = suggestions
        self._lookup = Lookup(world)

    async def submit(self, request: web.Request) -> Json:
        """`{user, view_id, values{action_id: value}}` -> `{http_status, ack_ms, errors}`.

        `errors` are by block_id, as the app sends them; `""` holds Slack's own complaint.
        """
        given = await asked.body(request, "user view_id", "values")
        user, view = self._top(given)
        if not view.spec.get("submit"):
            raise DriveError("the view has nothing to submit")
        await self._fill(user, view, given.get("values") or {})
        if missing := _missing(view):
            return {"http_status": 0, "ack_ms": 0.0, "errors": missing}
        payload = payloads.submission(user, view, self._world.trigger(user.id, view.id))
        outcomes = await self._courier.deliver("view", payload)
        first = next((one for one in outcomes if one.body), outcomes[0])
        errors = self._answer(view, first)
        return {"http_status": first.status, "ack_ms": round(first.ms, 2), "errors": errors}

    async def close(self, request: web.Request) -> Json:
        """`{user, view_id}`: the cross in the corner."""
        user, view = self._top(await asked.body(request, "user view_id"))
        stack = self._world.modals[user.id]
        cleared = bool(view.spec.get("clear_on_close"))
        gone = list(reversed(stack)) if cleared else [view]
        self._world.close_views(gone)
        for one in gone:
            if one.spec.get("notify_on_close"):
                await self._courier.deliver("view", payloads.closed(user, one, cleared=cleared))
        return {"closed": [one.id for one in gone]}

    async def reload(self, request: web.Request) -> Json:
        """`{user}`: the client starts again and forgets its modals; the app is not told."""
        user = self._lookup.user((await asked.body(request, "user"))["user"])
        gone = list(reversed(self._world.modals.get(user.id, [])))
        self._world.close_views(gone)
        return {"closed": [one.id for one in gone]}

    def _top(self, given: Json) -> tuple[User, View]:
        user = self._lookup.user(given["user"])
        stack = self._world.modals.get(user.id) or []
        if not stack or stack[-1].id != given["view_id"]:
            raise DriveError(f"{user.name} does not look at view {given['view_id']}")
        return user, stack[-1]

    async def _fill(self, user: User, view: View, values: dict[str, Any]) -> None:
        left = dict(values)
        for block in view.spec["blocks"]:
            for element in elements_of(block):
                if element["type"] not in state.FIELDS:
                    continue
                name, block_values = (
                    element["action_id"],
                    view.values.setdefault(block["block_id"], {}),
                )
                block_values.setdefault(name, state.untouched(element))
                if name in left:
                    value = left.pop(name)
                    where = payloads.within(view)
                    offered = await self._suggestions.options(user, where, block, element, value)
                    block_values[name] = state.chosen(self._world, element, value, offered)
        if left:
            raise DriveError(f"the view has no input {', '.join(sorted(left))}")

    def _answer(self, view: View, outcome: Outcome) -> dict[str, str]:
        """Do what the app answered; a wrong answer shows as trouble, as at Slack."""
        body = outcome.body or {}
        if outcome.error:
            return {"": TROUBLE}
        try:
            return self._act(view, body)
        except ApiError as error:
            self._world.kernel.calls.refuse("slack", f"an answer to view_submission: {error}")
            return {"": TROUBLE}

    def _act(self, view: View, body: Json) -> dict[str, str]:
        stack = self._world.modals[view.user]
        match body.get("response_action"):
            case None if not body:
                self._world.close_views([view])
            case "clear":
                self._world.close_views(list(reversed(stack)))
            case "errors":
                return self._errors(view, body.get("errors"))
            case "update":
                views.replace(self._world, view, self._spec(body))
            case "push":
                views.add(self._world, view.user, self._spec(body), on=view)
            case other:
                raise ApiError(f"unknown response_action {other}")
        return {}

    def _spec(self, body: Json) -> Json:
        return views.checked(body.get("view"), "modal", self._world.kernel.calls)

    def _errors(self, view: View, errors: Any) -> dict[str, str]:
        inputs = {b["block_id"] for b in view.spec["blocks"] if b["type"] == "input"}
        if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
            raise ApiError(f"errors must name input blocks by block_id: {errors}")
        return {str(block): str(text) for block, text in errors.items()}


def _missing(view: View) -> dict[str, str]:
    """Slack's client does not submit while a required input is empty."""
    found = {}
    for block in view.spec["blocks"]:
        if block["type"] != "input" or block.get("optional"):
            continue
        values = view.values[block["block_id"]][block["element"]["action_id"]]
        kind = block["element"]["type"]
        if not values[state.FIELDS[kind][0]] and kind not in {"checkboxes", "file_input"}:
            found[block["block_id"]] = REQUIRED
    return found
