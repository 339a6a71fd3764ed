"""views.*: modals and App Homes (https://docs.slack.dev/reference/methods?family=views).

A view is at most 250 kB, a stack at most three deep, a trigger_id good for one view within
three seconds (https://docs.slack.dev/surfaces/modals/).
"""

import json
import secrets

from qbot.sandbox.calls import Calls
from qbot.sandbox.slack import shapes
from qbot.sandbox.slack.blocks import check
from qbot.sandbox.slack.blocks.complete import complete
from qbot.sandbox.slack.errors import ApiError
from qbot.sandbox.slack.methods.base import Invocation, Method, method
from qbot.sandbox.slack.model import Json, Trigger, View
from qbot.sandbox.slack.world import World

LARGEST = 250_000
DEEPEST = 3


def new_hash(world: World) -> str:
    """What changes with every change of a view."""
    return f"{int(world.clock.time())}.{secrets.token_hex(4)}"


def checked(spec: object, kind: str, calls: Calls) -> Json:
    """A view of that kind, completed.

    Raises:
        ApiError: invalid_arguments (with messages) or view_too_large.
    """
    if isinstance(spec, dict) and len(json.dumps(spec)) > LARGEST:
        raise ApiError("view_too_large")
    report = check.view(spec)
    for unknown in report.unknown:
        calls.refuse("slack", f"block or element type {unknown}")
    if report.complaints:
        raise ApiError.because("invalid_arguments", *report.complaints)
    if not isinstance(spec, dict) or spec["type"] != kind:
        raise ApiError.because("invalid_arguments", f"must be a {kind} view [json-pointer:/view]")
    return {**spec, "blocks": complete(spec["blocks"])}


def _spec(call: Invocation, kind: str) -> Json:
    given = call.args.nested("view", "invalid_arguments")
    return checked(given, kind, call.world.kernel.calls)


def _check_external_id(world: World, spec: Json, *, besides: str = "") -> None:
    wanted = spec.get("external_id")
    shown = [view for stack in world.modals.values() for view in stack] + [*world.homes.values()]
    if wanted and any(v.spec.get("external_id") == wanted and v.id != besides for v in shown):
        raise ApiError("duplicate_external_id")


def _exchange(call: Invocation) -> Trigger:
    found = call.world.triggers.get(call.args.need("trigger_id"))
    if found is None:
        raise ApiError("invalid_trigger_id")
    if found.used:
        raise ApiError("exchanged_trigger_id")
    if call.world.clock.time() > found.expires:
        raise ApiError("expired_trigger_id")
    return found


def add(world: World, user: str, spec: Json, *, on: View | None = None) -> View:
    """Show a new modal, alone or on top of another."""
    _check_external_id(world, spec)
    id_ = "V05" + secrets.token_hex(4).upper()
    root, previous = (on.root_id, on.id) if on else (id_, None)
    view = View(id_, user, spec, new_hash(world), root, previous)
    if on is None:
        world.close_views(list(world.modals.get(user, [])))
    stack = world.modals.setdefault(user, [])
    if len(stack) >= DEEPEST:
        raise ApiError("push_limit_reached")
    stack.append(view)
    world.view_changed(view)
    return view


def replace(world: World, view: View, spec: Json) -> None:
    """Give a view new content; what was typed stays where block_id and action_id stay."""
    _check_external_id(world, spec, besides=view.id)
    kept = {
        (block["block_id"], element["action_id"])
        for block in spec["blocks"]
        for element in check.elements_of(block)
    }
    view.values = {
        block: {action: value for action, value in values.items() if (block, action) in kept}
        for block, values in view.values.items()
        if any((block, action) in kept for action in values)
    }
    view.spec, view.hash = spec, new_hash(world)
    world.view_changed(view)


def open_(call: Invocation) -> Json:
    """views.open."""
    spec = _spec(call, "modal")
    trigger = _exchange(call)
    _check_external_id(call.world, spec)
    trigger.used = True
    return {"view": shapes.view(add(call.world, trigger.user, spec))}


def push(call: Invocation) -> Json:
    """views.push: only with a trigger from within a modal that is still open."""
    spec = _spec(call, "modal")
    trigger = _exchange(call)
    stack = call.world.modals.get(trigger.user, [])
    if not any(view.id == trigger.view for view in stack):
        raise ApiError("not_found")  # unconfirmed: the code for a trigger from elsewhere
    view = add(call.world, trigger.user, spec, on=stack[-1])
    trigger.used = True
    return {"view": shapes.view(view)}


def update(call: Invocation) -> Json:
    """views.update, guarded by the hash where one is given."""
    shown = [view for stack in call.world.modals.values() for view in stack]
    view_id, external_id = call.args.text("view_id"), call.args.text("external_id")
    if not (view_id or external_id):
        raise ApiError.because("invalid_arguments", "missing required field: view_id")
    spec = _spec(call, "modal")
    for view in shown:
        if view.id == view_id or (external_id and view.spec.get("external_id") == external_id):
            if call.args.text("hash", view.hash) != view.hash:
                raise ApiError("hash_conflict")
            replace(call.world, view, spec)
            return {"view": shapes.view(view)}
    raise ApiError("not_found")


def publish(call: Invocation) -> Json:
    """views.publish: somebody's App Home."""
    person = call.world.users.get(call.args.need("user_id"))
    if person is None or person.is_bot or person.deleted or person.is_stranger:
        raise ApiError.because("invalid_arguments", "user not found [json-pointer:/user_id]")
    spec = _spec(call, "home")
    view = call.world.homes.get(person.id)
    if view is None:
        id_ = "V05" + secrets.token_hex(4).upper()
        view = View(id_, person.id, spec, new_hash(call.world), id_)
    elif call.args.text("hash", view.hash) != view.hash:
        raise ApiError("hash_conflict")
    call.world.homes[person.id] = view
    replace(call.world, view, spec)
    return {"view": shapes.view(view)}


METHODS: dict[str, Method] = {
    "views.open": method(open_, "", "trigger_id interactivity_pointer view"),
    "views.push": method(push, "", "trigger_id interactivity_pointer view"),
    "views.update": method(update, "", "view view_id external_id hash"),
    "views.publish": method(publish, "", "user_id view hash"),
}
