"""A whole message or view: every block by itself, then what only the whole can break.

Sources: https://docs.slack.dev/reference/block-kit/blocks/ (50 blocks in a message, 100 in a
modal or Home, one table, 12,000 characters of markdown), https://docs.slack.dev/reference/views/.
"""

from collections.abc import Iterator
from typing import Any

from qbot.sandbox.slack.blocks import kinds
from qbot.sandbox.slack.blocks.objects import plain
from qbot.sandbox.slack.blocks.schema import (
    Report,
    Rule,
    array,
    boolean,
    string,
    typed,
    variants,
)

MARKDOWN_TOTAL = 12_000
TABLE_TOTAL = 10_000
TEXT_TOTAL = 12_000  # msg_blocks_too_long exists, its threshold is unconfirmed


def message(blocks: Any) -> Report:
    """What Slack would complain about in the blocks of a message."""
    report = Report()
    array(variants(kinds.MESSAGE, kinds.KNOWN), 50, 0)(blocks, "/blocks", report)
    if not report.complaints:
        _unique_ids(blocks, "/blocks", report)
        _message_totals(blocks, report)
    return report


def too_much_text(blocks: list[dict[str, Any]]) -> bool:
    """Whether the texts of a message, taken together, are over Slack's cap."""
    return sum(len(text) for text in _texts(blocks)) > TEXT_TOTAL


def view(spec: Any) -> Report:
    """What Slack would complain about in a view; pointers start at /view."""
    report = Report()
    variants({"modal": MODAL, "home": HOME})(spec, "/view", report)
    if not report.complaints:
        _unique_ids(spec["blocks"], "/view/blocks", report)
        has_input = any(block["type"] == "input" for block in spec["blocks"])
        if spec["type"] == "modal" and has_input and not spec.get("submit"):
            report.add("missing required field: submit (the view has an input)", "/view")
    return report


def _view(
    kind: str, blocks: dict[str, Rule], more: dict[str, Rule], needs: dict[str, Rule]
) -> Rule:
    common = {
        "private_metadata": string(3000),
        "callback_id": string(255),
        "external_id": string(255),
    }
    listed = array(variants(blocks, kinds.KNOWN), 100, 0)
    return typed(kind, {"blocks": listed, **needs}, {**common, **more})


MODAL = _view(
    "modal",
    kinds.MODAL,
    {
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
    {"title": plain(24)},
)
HOME = _view("home", kinds.HOME, {}, {})


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The interactive parts of a block."""
    found = [*block.get("elements", [])] if block["type"] == "actions" else []
    found += [block[name] for name in ("accessory", "element") if name in block]
    return [one for one in found if one.get("type") != "image"]


def _unique_ids(blocks: list[dict[str, Any]], at: str, report: Report) -> None:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        name = block.get("block_id")
        if name in seen:
            report.add(f"block_id {name} already exists", f"{at}/{index}/block_id")
        seen.update([name] if name else [])
        ids = [one["action_id"] for one in elements_of(block) if "action_id" in one]
        if len(ids) != len(set(ids)):
            report.add("action_id must be unique within its block", f"{at}/{index}")


def _message_totals(blocks: list[dict[str, Any]], report: Report) -> None:
    tables = [block for block in blocks if block["type"] == "table"]
    if len(tables) > 1:
        report.add("no more than 1 table allowed", "/blocks")
    if sum(len(text) for table in tables for text in _texts(table)) > TABLE_TOTAL:
        report.add(f"table must be less than {TABLE_TOTAL + 1} characters", "/blocks")
    marked = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if marked > MARKDOWN_TOTAL:
        report.add(f"markdown must be less than {MARKDOWN_TOTAL + 1} characters", "/blocks")
    for index, block in enumerate(blocks):
        tasks = [task["task_id"] for task in block.get("tasks", ())]
        if len(tasks) != len(set(tasks)):
            report.add("task_id must be unique within its plan", f"/blocks/{index}/tasks")


def _texts(value: Any) -> Iterator[str]:
    """Every string that is shown as text somewhere below `value`."""
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in {"text", "title"} and isinstance(one, str):
                yield one
            else:
                yield from _texts(one)
