"""Blocks (https://docs.slack.dev/reference/block-kit/blocks/) and where each may stand.

Card, carousel, container, context_actions, data_table, data_visualization, file, video and
workflow buttons exist in Slack but not here: they are refused, and the refusal is recorded.
"""

from collections.abc import Mapping
from typing import Any

from qbot.sandbox.slack.blocks import elements
from qbot.sandbox.slack.blocks.objects import ID, SLACK_FILE, URL, exactly_one, plain, text
from qbot.sandbox.slack.blocks.schema import (
    Report,
    Rule,
    anything,
    array,
    boolean,
    integer,
    one_of,
    record,
    string,
    typed,
    variants,
)

NAMED: Mapping[str, Rule] = {"block_id": ID}


def _section(value: Any, at: str, report: Report) -> None:
    """A section shows text, fields or both."""
    accessory = variants(elements.ACCESSORY, elements.KNOWN)
    optional = {"text": text(3000), "fields": array(text(2000), 10), "accessory": accessory}
    typed("section", {}, {**NAMED, **optional, "expand": boolean})(value, at, report)
    if isinstance(value, dict) and not ({"text", "fields"} & value.keys()):
        report.add("must define either text or fields", at)


def _rich_text() -> Rule:
    """Rich text; what stands inside a section of it is taken as it comes."""
    inner = array(anything, 1000, 0)
    parts: dict[str, Rule] = {
        "rich_text_section": typed("rich_text_section", {"elements": inner}, {}),
        "rich_text_preformatted": typed(
            "rich_text_preformatted",
            {"elements": inner},
            {"border": integer(0, 1), "language": string(40)},
        ),
        "rich_text_quote": typed("rich_text_quote", {"elements": inner}, {"border": integer(0, 1)}),
        "rich_text_list": typed(
            "rich_text_list",
            {"elements": inner, "style": one_of("bullet", "ordered")},
            {"indent": integer(0, 8), "offset": integer(0, 10_000), "border": integer(0, 1)},
        ),
    }
    return typed("rich_text", {"elements": array(variants(parts), 1000)}, NAMED)


RICH_TEXT = _rich_text()
CELL = variants(
    {
        "raw_text": typed("raw_text", {"text": string(10_000)}, {}),
        "raw_number": typed("raw_number", {"value": anything}, {"text": string(100)}),
        "rich_text": RICH_TEXT,
    }
)
COLUMN = record({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})
SOURCE = typed("url", {"url": URL, "text": string(256, 1)}, {})
TASK_CARD = typed(
    "task_card",
    {
        "task_id": ID,
        "title": string(256, 1),
        "status": one_of("pending", "in_progress", "complete", "error"),
    },
    {**NAMED, "details": RICH_TEXT, "output": RICH_TEXT, "sources": array(SOURCE, 50)},
)
IN_CONTEXT: dict[str, Rule] = {
    "image": elements.IMAGE,
    "mrkdwn": text(2000),
    "plain_text": text(2000),
}

EVERYWHERE: dict[str, Rule] = {
    "section": _section,
    "header": typed("header", {"text": plain(150)}, NAMED),
    "divider": typed("divider", {}, NAMED),
    "image": exactly_one(
        typed(
            "image",
            {"alt_text": string(2000)},
            {**NAMED, "image_url": URL, "slack_file": SLACK_FILE, "title": plain(2000)},
        ),
        "image_url",
        "slack_file",
    ),
    "actions": typed(
        "actions", {"elements": array(variants(elements.ACTIONS, elements.KNOWN), 25)}, NAMED
    ),
    "context": typed(
        "context", {"elements": array(variants(IN_CONTEXT, elements.KNOWN), 10)}, NAMED
    ),
    "input": typed(
        "input",
        {"label": plain(2000), "element": variants(elements.INPUTS, elements.KNOWN)},
        {**NAMED, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": RICH_TEXT,
}
MESSAGE: dict[str, Rule] = EVERYWHERE | {
    "markdown": typed("markdown", {"text": string(12_000, 1)}, NAMED),
    "table": typed(
        "table",
        {"rows": array(array(CELL, 20), 100)},
        {**NAMED, "column_settings": array(COLUMN, 20)},
    ),
    "task_card": TASK_CARD,
    "plan": typed("plan", {"title": string(256, 1)}, {**NAMED, "tasks": array(TASK_CARD, 50)}),
}
MODAL: dict[str, Rule] = EVERYWHERE | {
    "alert": typed(
        "alert",
        {"text": text(3000)},
        {**NAMED, "level": one_of("default", "info", "warning", "error", "success")},
    )
}
HOME = EVERYWHERE
KNOWN = frozenset({*MESSAGE, *MODAL})
