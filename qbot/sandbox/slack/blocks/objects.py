"""Composition objects (https://docs.slack.dev/reference/block-kit/composition-objects/)."""

from typing import Any

from qbot.sandbox.slack.blocks.schema import (
    Report,
    Rule,
    array,
    boolean,
    integer,
    one_of,
    record,
    string,
    typed,
    variants,
)

ID = string(255, 1)  # block_id, action_id, callback_id
URL = string(3000, 1)


def plain(high: int, low: int = 1) -> Rule:
    """A plain_text object."""
    return typed("plain_text", {"text": string(high, low)}, {"emoji": boolean})


def text(high: int) -> Rule:
    """A plain_text or mrkdwn object of up to `high` characters; empty text is refused."""
    marked = typed("mrkdwn", {"text": string(high, 1)}, {"verbatim": boolean})
    return variants({"plain_text": plain(high), "mrkdwn": marked}, frozenset({"image"}))


CONFIRM = record(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)


def option(*, marked: bool = False) -> Rule:
    """An option; only radio buttons and checkboxes may format theirs."""
    words = text(75) if marked else plain(75)
    return record(
        {"text": words, "value": string(150, 1)},
        {"description": text(75) if marked else plain(75), "url": URL},
    )


OPTION_GROUP = record({"label": plain(75), "options": array(option(), 100)}, {})
DISPATCH = record(
    {}, {"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"), 2)}
)
FILTER = record(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)
SLACK_FILE = record({}, {"id": string(255, 1), "url": URL})
LENGTH = integer(0, 3000)


def exactly_one(rule: Rule, *names: str) -> Rule:
    """`rule`, and one of these fields but not several."""

    def check(value: Any, at: str, report: Report) -> None:
        rule(value, at, report)
        if isinstance(value, dict) and sum(name in value for name in names) != 1:
            report.add(f"must have exactly one of {', '.join(names)}", at)

    return check
