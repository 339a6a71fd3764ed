"""Block elements (https://docs.slack.dev/reference/block-kit/block-elements/), one rule each."""

from collections.abc import Mapping

from qbot.sandbox.slack.blocks.objects import (
    CONFIRM,
    DISPATCH,
    FILTER,
    ID,
    LENGTH,
    OPTION_GROUP,
    SLACK_FILE,
    URL,
    exactly_one,
    option,
    plain,
)
from qbot.sandbox.slack.blocks.schema import (
    Rule,
    anything,
    array,
    boolean,
    integer,
    one_of,
    string,
    typed,
)

FOCUS: Mapping[str, Rule] = {"action_id": ID, "focus_on_load": boolean, "placeholder": plain(150)}
PICK: Mapping[str, Rule] = {**FOCUS, "confirm": CONFIRM}
MANY: Mapping[str, Rule] = {**PICK, "max_selected_items": integer(1, 100)}
CHOICE = option(marked=True)


def _chooser(kind: str) -> Rule:
    """Radio buttons or checkboxes: at most ten options."""
    initial: dict[str, Rule] = (
        {"initial_option": CHOICE}
        if kind == "radio_buttons"
        else {"initial_options": array(CHOICE, 10)}
    )
    common = {"action_id": ID, "confirm": CONFIRM, "focus_on_load": boolean}
    return typed(kind, {"options": array(CHOICE, 10)}, {**common, **initial})


def _static(kind: str, initial: Mapping[str, Rule], base: Mapping[str, Rule]) -> Rule:
    """A select whose options come with it."""
    options = {"options": array(option(), 100), "option_groups": array(OPTION_GROUP, 100)}
    return exactly_one(typed(kind, {}, {**base, **options, **initial}), "options", "option_groups")


def _select(name: str, one: str, rule: Rule, more: Mapping[str, Rule]) -> dict[str, Rule]:
    """A select and its `multi_` sibling, filled by Slack or by the app."""
    return {
        name: typed(name, {}, {**PICK, f"initial_{one}": rule, **more}),
        f"multi_{name}": typed(
            f"multi_{name}", {}, {**MANY, f"initial_{one}s": array(rule, 100), **more}
        ),
    }


BUTTON = typed(
    "button",
    {"text": plain(75)},
    {
        "action_id": ID,
        "url": URL,
        "value": string(2000),
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)
IMAGE = exactly_one(
    typed("image", {"alt_text": string(2000)}, {"image_url": URL, "slack_file": SLACK_FILE}),
    "image_url",
    "slack_file",
)
SELECTS: dict[str, Rule] = {
    "static_select": _static("static_select", {"initial_option": option()}, PICK),
    "multi_static_select": _static(
        "multi_static_select", {"initial_options": array(option(), 100)}, MANY
    ),
    **_select("external_select", "option", option(), {"min_query_length": integer(0, 3)}),
    **_select("users_select", "user", ID, {}),
    **_select("channels_select", "channel", ID, {"response_url_enabled": boolean}),
    **_select(
        "conversations_select",
        "conversation",
        ID,
        {
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": FILTER,
        },
    ),
}
SINGLE = {name: rule for name, rule in SELECTS.items() if not name.startswith("multi_")}
PICKERS: dict[str, Rule] = {
    "checkboxes": _chooser("checkboxes"),
    "radio_buttons": _chooser("radio_buttons"),
    "datepicker": typed("datepicker", {}, {**PICK, "initial_date": string(10, 10)}),
    "timepicker": typed(
        "timepicker", {}, {**PICK, "initial_time": string(5, 5), "timezone": string(64, 1)}
    ),
}
DATETIME = typed(
    "datetimepicker",
    {},
    {
        "action_id": ID,
        "confirm": CONFIRM,
        "focus_on_load": boolean,
        "initial_date_time": integer(1_000_000_000, 9_999_999_999),
    },
)
OVERFLOW = typed("overflow", {"options": array(option(), 5)}, {"action_id": ID, "confirm": CONFIRM})
TYPED: Mapping[str, Rule] = {
    **FOCUS,
    "initial_value": string(3000),
    "dispatch_action_config": DISPATCH,
}
WRITTEN: dict[str, Rule] = {
    "plain_text_input": typed(
        "plain_text_input",
        {},
        {**TYPED, "multiline": boolean, "min_length": LENGTH, "max_length": integer(1, 3000)},
    ),
    "number_input": typed(
        "number_input",
        {"is_decimal_allowed": boolean},
        {**TYPED, "min_value": string(40, 1), "max_value": string(40, 1)},
    ),
    "email_text_input": typed("email_text_input", {}, TYPED),
    "url_text_input": typed("url_text_input", {}, TYPED),
    "rich_text_input": typed("rich_text_input", {}, {**TYPED, "initial_value": anything}),
    "file_input": typed(
        "file_input",
        {},
        {"action_id": ID, "filetypes": array(string(20, 1), 50), "max_files": integer(1, 10)},
    ),
}

ACCESSORY = {"button": BUTTON, "image": IMAGE, "overflow": OVERFLOW, **PICKERS, **SELECTS}
ACTIONS = {
    "button": BUTTON,
    "overflow": OVERFLOW,
    "datetimepicker": DATETIME,
    **PICKERS,
    **SINGLE,
}
INPUTS = {"datetimepicker": DATETIME, **PICKERS, **SELECTS, **WRITTEN}
KNOWN = frozenset({*ACCESSORY, *ACTIONS, *INPUTS, "mrkdwn", "plain_text"})
