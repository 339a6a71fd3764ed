"""The parts that views are made of: inputs, options, the view itself."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qbot.render import limits
from qbot.render.blocks import Block, plain

View = dict[str, Any]


def view(
    title: str,
    blocks: Iterable[Block | None],
    *,
    callback: str,
    metadata: str = "",
    submit: str = "",
    close: str = "Close",
) -> View:
    """A modal. `metadata` is readable by the client: an id, never a right."""
    built: View = {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, limits.VIEW_TITLE),
        "close": plain(close, limits.VIEW_TITLE),
        "blocks": [b for b in blocks if b][: limits.VIEW_BLOCKS],
    }
    if metadata:
        built["private_metadata"] = metadata[: limits.PRIVATE_METADATA]
    if submit:
        built["submit"] = plain(submit, limits.VIEW_TITLE)
    return built


def field(label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    """One input; its block id is its action id, which errors are keyed by."""
    block: Block = {
        "type": "input",
        "block_id": element["action_id"],
        "label": plain(label, limits.LABEL),
        "element": element,
        "optional": optional,
    }
    return {**block, "hint": plain(hint, limits.LABEL)} if hint else block


def option(label: str, value: str) -> Block:
    """One choice; a value that does not fit is the caller's mistake, so ids only."""
    return {"text": plain(label, limits.OPTION), "value": value[: limits.OPTION_VALUE]}


def text_input(
    action: str, *, placeholder: str, initial: str = "", longest: int, lines: bool = False
) -> Block:
    """A line of text, or several `lines`."""
    element: Block = {
        "type": "plain_text_input",
        "action_id": action,
        "max_length": longest,
        "placeholder": plain(placeholder, limits.PLACEHOLDER),
    }
    if lines:
        element["multiline"] = True
    return {**element, "initial_value": initial[:longest]} if initial else element


def choice(action: str, options: Sequence[Block], *, placeholder: str, many: bool = False) -> Block:
    """A menu of up to 100 options, or of up to 100 groups of them where there are more."""
    element: Block = {
        "type": "multi_static_select" if many else "static_select",
        "action_id": action,
        "placeholder": plain(placeholder, limits.PLACEHOLDER),
    }
    if len(options) <= limits.OPTIONS:
        return {**element, "options": list(options)}
    return {**element, "option_groups": _groups(options)}


def sorted_choice(action: str, kinds: Mapping[str, Sequence[Block]], *, placeholder: str) -> Block:
    """A menu of one choice with a heading for each kind that has options."""
    groups = [
        {**group, "label": plain(_heading(kind, group, alone=len(options) <= limits.OPTIONS), 75)}
        for kind, options in kinds.items()
        for group in _groups(options)
    ]
    return {
        "type": "static_select",
        "action_id": action,
        "placeholder": plain(placeholder, limits.PLACEHOLDER),
        "option_groups": groups[: limits.OPTIONS],
    }


def _heading(kind: str, group: Block, *, alone: bool) -> str:
    return kind if alone else f"{kind}: {group['label']['text']}"


def _groups(options: Sequence[Block]) -> list[Block]:
    size = limits.OPTIONS
    chunks = [options[i : i + size] for i in range(0, len(options), size)][: limits.OPTIONS]
    return [
        {
            "label": plain(
                f"{c[0]['text']['text'][:30]} to {c[-1]['text']['text'][:30]}", limits.OPTION
            ),
            "options": list(c),
        }
        for c in chunks
    ]


def checkbox(action: str, label: str, value: str) -> Block:
    """A single box to tick."""
    return {"type": "checkboxes", "action_id": action, "options": [option(label, value)]}
