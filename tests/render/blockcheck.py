"""A strict Block Kit checker of its own: shares no number with the renderers.

Source: docs.slack.dev/reference/block-kit and .../reference/views. Anything not named here is
an error, so that a new kind of block is looked up before it is used.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Json = Mapping[str, Any]
_STRAY = re.compile(
    r"<(?!@[A-Z0-9]+>|#[A-Z0-9]+>|!date\^\d+\^[^|<>]+\|[^<>]+>|https?://[^|<>\s]+\|[^<>]*>)"
)
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")


class BlockError(AssertionError):
    pass


def check_message(text: str, blocks: list[Json]) -> None:
    _need(0 < len(text) <= 4000, "text length")
    check_mrkdwn(text, 4000)
    _need(0 < len(blocks) <= 50, "number of blocks")
    _rows(blocks)
    _need(sum(map(len, texts(blocks))) <= 12000, "text of all blocks together")


def check_view(view: Json) -> None:
    _keys(view, {"type", "title", "blocks", "callback_id"}, {"submit", "close", "private_metadata"})
    _need(view["type"] == "modal", "view type")
    for part in ("title", "submit", "close"):
        if part in view:
            _plain(view[part], 24)
    _need(len(view.get("private_metadata", "")) <= 3000, "private_metadata")
    _need(len(view["callback_id"]) <= 255, "callback_id")
    _need(0 < len(view["blocks"]) <= 100, "number of blocks")
    _blocks(view["blocks"], {"section", "header", "context", "actions", "divider", "input"})
    if any(b["type"] == "input" for b in view["blocks"]):
        _need("submit" in view, "submit is needed with an input")


def check_home(view: Json) -> None:
    _keys(view, {"type", "blocks"}, set())
    _need(view["type"] == "home", "view type")
    _need(0 < len(view["blocks"]) <= 100, "number of blocks")
    _rows(view["blocks"])


def _rows(blocks: list[Json]) -> None:
    """They may repeat their buttons, each row in a block of its own."""
    for block in blocks:
        _blocks([block], {"section", "header", "context", "actions", "divider", "image"})
    ids = [b["block_id"] for b in blocks if "block_id" in b]
    _need(len(ids) == len(set(ids)), "block_id twice")


def texts(node: Any) -> Iterable[str]:
    """Every text that a reader may see."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from texts(value)


def check_mrkdwn(text: str, limit: int) -> None:
    _need(0 < len(text) <= limit, f"mrkdwn length {len(text)} of {limit}")
    if stray := _STRAY.search(text):
        raise BlockError(f"unescaped < in {text[stray.start() : stray.start() + 40]!r}")
    if stray := _ENTITY.search(text):
        raise BlockError(f"bare & in {text[stray.start() : stray.start() + 40]!r}")
    _need(">" not in re.sub(r"<[^<>]*>", "", text), "unescaped >")


def _blocks(blocks: list[Json], allowed: set[str]) -> None:
    ids = [b["block_id"] for b in blocks if "block_id" in b]
    _need(len(ids) == len(set(ids)), "block_id twice")
    for block in blocks:
        _need(block["type"] in allowed, f"block {block['type']}")
        _need(0 < len(block.get("block_id", "x")) <= 255, "block_id")
        _CHECKS[block["type"]](block)
    actions = [e["action_id"] for b in blocks for e in b.get("elements", ()) if "action_id" in e]
    _need(len(actions) == len(set(actions)), "action_id twice")


def _section(block: Json) -> None:
    _keys(block, {"type", "text"}, {"block_id", "accessory"})
    _text(block["text"], 3000)
    if "accessory" in block:
        accessory = block["accessory"]
        (_select if accessory["type"] == "static_select" else _button)(accessory)


def _header(block: Json) -> None:
    _keys(block, {"type", "text"}, {"block_id"})
    _plain(block["text"], 150)
    _need(block["text"].get("emoji") is False, "a header that makes emoji of outside text")


def _image(block: Json) -> None:
    _keys(block, {"type", "slack_file", "alt_text"}, {"title", "block_id"})
    _keys(block["slack_file"], {"id"}, set())
    _need(0 < len(block["alt_text"]) <= 2000, "alt_text")
    _plain(block.get("title", {"type": "plain_text", "text": "x"}), 2000)


def _context(block: Json) -> None:
    _keys(block, {"type", "elements"}, {"block_id"})
    _need(0 < len(block["elements"]) <= 10, "context elements")
    for element in block["elements"]:
        _text(element, 2000)


def _actions(block: Json) -> None:
    _keys(block, {"type", "elements"}, {"block_id"})
    _need(0 < len(block["elements"]) <= 25, "action elements")
    for element in block["elements"]:
        _ELEMENTS[element["type"]](element)
    primary = [e for e in block["elements"] if e.get("style") == "primary"]
    _need(len(primary) <= 1, "more than one primary button")


def _input(block: Json) -> None:
    _keys(block, {"type", "label", "element"}, {"block_id", "hint", "optional"})
    _plain(block["label"], 2000)
    if "hint" in block:
        _plain(block["hint"], 2000)
    element = block["element"]
    _need(0 < len(element["action_id"]) <= 255, "action_id")
    _INPUTS[element["type"]](element)


def _button(element: Json) -> None:
    _keys(
        element,
        {"type", "text", "action_id"},
        {"value", "url", "style", "confirm", "accessibility_label"},
    )
    _need(element["type"] == "button", "element type")
    _plain(element["text"], 75)
    label = element["text"]["text"]
    _need(label == label.title() or label == "Argo CD", f"button {label!r} in Title Case")
    _need(len(element.get("value", "")) <= 2000, "value")
    _need(len(element.get("url", "")) <= 3000, "url")
    _need(element.get("url", "http").startswith("http"), "url scheme")
    _need(element.get("style") in {None, "primary", "danger"}, "style")
    if "confirm" in element:
        _confirm(element["confirm"])


def _confirm(confirm: Json) -> None:
    _keys(confirm, {"title", "text", "confirm", "deny"}, {"style"})
    _plain(confirm["title"], 100)
    _plain(confirm["text"], 300)
    _plain(confirm["confirm"], 30)
    _plain(confirm["deny"], 30)


def _text_input(element: Json) -> None:
    more = {"placeholder", "initial_value", "max_length", "multiline"}
    _keys(element, {"type", "action_id"}, more)
    _need(0 < element["max_length"] <= 3000, "max_length")
    _plain(element["placeholder"], 150)


def _select(element: Json) -> None:
    _keys(
        element,
        {"type", "action_id", "placeholder"},
        {"options", "option_groups", "initial_option"},
    )
    _need(("options" in element) != ("option_groups" in element), "options or option_groups")
    groups = element.get("option_groups", [])
    _need(len(groups) <= 100, "option groups")
    for group in groups:
        _plain(group["label"], 75)
    parts = [g["options"] for g in groups] if groups else [element["options"]]
    for options in parts:
        _need(0 < len(options) <= 100, "options")
        for option in options:
            _option(option)


def _overflow(element: Json) -> None:
    _keys(element, {"type", "action_id", "options"}, set())
    _need(0 < len(element["options"]) <= 5, "overflow options")
    for option in element["options"]:
        _option(option)


def _checkboxes(element: Json) -> None:
    _keys(element, {"type", "action_id", "options"}, set())
    _need(0 < len(element["options"]) <= 10, "checkboxes")
    for option in element["options"]:
        _option(option)


def _option(option: Json) -> None:
    _keys(option, {"text", "value"}, {"description"})
    _plain(option["text"], 75)
    _need(0 < len(option["value"]) <= 150, "option value")


def _text(node: Json, limit: int) -> None:
    if node["type"] == "plain_text":
        _plain(node, limit)
        return
    _keys(node, {"type", "text", "verbatim"}, set())
    _need(node["type"] == "mrkdwn" and node["verbatim"] is True, "verbatim mrkdwn")
    check_mrkdwn(node["text"], limit)


def _plain(node: Json, limit: int) -> None:
    _keys(node, {"type", "text"}, {"emoji"})
    _need(node["type"] == "plain_text", "plain_text")
    _need(0 < len(node["text"]) <= limit, f"plain text length {len(node['text'])} of {limit}")


def _keys(node: Json, needed: set[str], optional: set[str]) -> None:
    missing, unknown = needed - node.keys(), node.keys() - needed - optional
    _need(not missing, f"missing {sorted(missing)} in {node.get('type')}")
    _need(not unknown, f"unknown {sorted(unknown)} in {node.get('type')}")


def _need(ok: bool, what: str) -> None:
    if not ok:
        raise BlockError(what)


_CHECKS: dict[str, Callable[[Json], None]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "divider": lambda block: _keys(block, {"type"}, {"block_id"}),
    "input": _input,
}
_ELEMENTS: dict[str, Callable[[Json], None]] = {
    "button": _button,
    "static_select": _select,
    "overflow": _overflow,
}
_INPUTS: dict[str, Callable[[Json], None]] = {
    "plain_text_input": _text_input,
    "static_select": _select,
    "multi_static_select": _select,
    "checkboxes": _checkboxes,
}
