"""Inputs: their first state, and the state after somebody chose or typed something.

Shapes: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload/.
"""

from collections.abc import Callable
from typing import Any

from qbot.sandbox.slack.blocks.check import elements_of
from qbot.sandbox.slack.errors import DriveError
from qbot.sandbox.slack.model import Json
from qbot.sandbox.slack.world import World

# type of element -> (field in the state, field in the element that it starts with)
FIELDS = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "file_input": ("files", ""),
}
MANY = frozenset({"checkboxes", *(kind for kind in FIELDS if kind.startswith("multi_"))})


def first(blocks: list[Json]) -> dict[str, dict[str, Json]]:
    """The state of blocks nobody has touched yet, by block_id and action_id."""
    state: dict[str, dict[str, Json]] = {}
    for block in blocks:
        for element in elements_of(block):
            if element["type"] in FIELDS:
                values = state.setdefault(block["block_id"], {})
                values[element["action_id"]] = untouched(element)
    return state


def untouched(element: Json) -> Json:
    """One input as it starts."""
    name, start = FIELDS[element["type"]]
    empty: Any = [] if element["type"] in MANY else None
    return {"type": element["type"], name: element.get(start, empty)}


def chosen(world: World, element: Json, value: Any, suggested: list[Json]) -> Json:
    """One input after somebody gave it `value`; `suggested` are the app's own options.

    Raises:
        DriveError: the element offers no such choice, or cannot be given a value.
    """
    kind = element["type"]
    if kind not in FIELDS or kind in {"file_input", "rich_text_input"}:
        raise DriveError(f"a {kind} takes no value here")
    one = _reader(world, element, suggested)
    if kind in MANY:
        values = value if isinstance(value, list) else [value]
        return {"type": kind, FIELDS[kind][0]: [one(each) for each in values]}
    return {"type": kind, FIELDS[kind][0]: None if value is None else one(value)}


def _reader(world: World, element: Json, suggested: list[Json]) -> Callable[[Any], Any]:
    kind = element["type"].removeprefix("multi_")
    if kind in {"static_select", "radio_buttons", "checkboxes"}:
        return lambda value: pick(options_of(element), value)
    if kind == "external_select":
        return lambda value: pick(suggested, value)
    if kind == "users_select":
        return lambda value: _id(world.user(str(value)), value)
    if kind in {"channels_select", "conversations_select"}:
        return lambda value: _id(world.channel(str(value)), value)
    return _number if kind == "datetimepicker" else str


def _number(value: Any) -> int:
    return int(value)


def options_of(element: Json) -> list[Json]:
    """Every option, in groups or not."""
    groups = element.get("option_groups", [])
    grouped = [option for group in groups for option in group["options"]]
    return [*element.get("options", []), *grouped]


def pick(options: list[Json], value: Any) -> Json:
    """The option with this value, or with this text."""
    for option in options:
        if value in (option["value"], option["text"]["text"]):
            return option
    raise DriveError(f"there is no option {value!r}")


def _id(found: Any, value: Any) -> str:
    if found is None:
        raise DriveError(f"there is no {value!r} to choose")
    return str(found.id)
