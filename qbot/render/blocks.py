"""Small builders of Block Kit objects that keep Slack's limits by cutting, never by failing.

Text given to `section` and `context` is mrkdwn that the caller has escaped; text given to
`header`, `button` and other plain text objects is outside text and is cleaned here.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qbot.render import limits
from qbot.render.escape import clean, cut

Block = dict[str, Any]
_SHORTEST = 100  # a paragraph cut to less is left out
FRESH = "fresh"  # block_id of what may differ between two sendings of the same state


@dataclass(frozen=True, slots=True)
class Message:
    """What chat.postMessage and chat.update take.

    `digest` is equal for two messages that say the same: it leaves out how fresh they are.
    """

    text: str
    blocks: tuple[Block, ...]
    digest: str


def message(text: str, blocks: Iterable[Block | None]) -> Message:
    """Put a message together; missing blocks are left out, those above the limit are cut off."""
    kept = tuple(_within([b for b in blocks if b][: limits.MESSAGE_BLOCKS]))
    shown = cut_escaped(text, limits.TEXT)
    return Message(shown, kept, digest_of(shown, kept))


def digest_of(text: str, blocks: Sequence[Block]) -> str:
    """Equal for what says the same, but for how fresh that is."""
    lasting = [b for b in blocks if b.get("block_id") != FRESH]
    told = json.dumps([text, lasting], sort_keys=True).encode()
    return hashlib.sha256(told).hexdigest()[:16]


def _within(blocks: Sequence[Block]) -> list[Block]:
    """Cut paragraphs, from the last one on, until all text together is within the limit."""
    left = limits.MESSAGE_TEXT - sum(_length(b) for b in blocks if b["type"] != "section")
    kept = []
    for block in blocks:
        if block["type"] == "section":
            text = len(block["text"]["text"])
            if left - (_length(block) - text) < min(_SHORTEST, text):
                continue  # a button beside it cannot be cut
            kept.append(_shortened(block, left))
            left -= _length(kept[-1])
        else:
            kept.append(block)
    return kept


def _shortened(section: Block, left: int) -> Block:
    """A copy whose texts have `left` characters together."""
    text = section["text"]["text"]
    text = cut_escaped(text, left - (_length(section) - len(text)))
    return {**section, "text": {**section["text"], "text": text}}


def _length(node: Any) -> int:
    """Characters of all texts in a block."""
    if isinstance(node, dict):
        return sum(len(v) if k == "text" and isinstance(v, str) else _length(v)
                   for k, v in node.items())  # fmt: skip
    return sum(_length(v) for v in node) if isinstance(node, list) else 0


def cut_escaped(text: str, limit: int) -> str:
    """Cut escaped text at the end of a line, or else before any entity, mention or span."""
    if len(text) <= limit:
        return text
    head = text[: limit - 2]
    if (end := head.rfind("\n")) > 0:
        return f"{head[:end]}\n…"
    for opening, closing in (("<", ">"), ("&", ";")):
        start = head.rfind(opening)
        if start >= 0 and closing not in head[start:]:
            head = head[:start]
    return f"{head}…"


def plain(text: str, limit: int) -> Block:
    """A plain_text object: nothing in it is interpreted."""
    return {"type": "plain_text", "text": clean(text, limit) or "-", "emoji": False}


def mrkdwn(text: str, limit: int = limits.SECTION) -> Block:
    """A mrkdwn object; `verbatim` keeps Slack from finding links and mentions by itself."""
    return {"type": "mrkdwn", "text": cut_escaped(text, limit) or " ", "verbatim": True}


def header(text: str) -> Block:
    """The first line, in large letters."""
    return {"type": "header", "text": plain(text, limits.HEADER)}


def section(text: str, *, accessory: Block | None = None) -> Block:
    """A paragraph."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    return {**block, "accessory": accessory} if accessory else block


def paragraphs(lines: Iterable[str]) -> list[str]:
    """Lines in as few texts as fit a section: between two sections Slack leaves a gap."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + len(line) < limits.SECTION:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def context(*texts: str, block_id: str = "") -> Block | None:
    """Small print; None if there is nothing to say."""
    elements = [mrkdwn(t, limits.FIELD) for t in texts if t][: limits.CONTEXT]
    if not elements:
        return None
    block: Block = {"type": "context", "elements": elements}
    return {**block, "block_id": block_id} if block_id else block


def actions(elements: Sequence[Block | None], *, block_id: str) -> Block | None:
    """A row of buttons; None if there are none."""
    kept = [e for e in elements if e][: limits.ACTIONS]
    if not kept:
        return None
    return {"type": "actions", "block_id": cut(block_id, limits.ID), "elements": kept}


def divider() -> Block:
    """A thin line."""
    return {"type": "divider"}


def button(
    label: str,
    action: str,
    value: str = "",
    *,
    style: str = "",
    confirm: Block | None = None,
    url: str = "",
    about: str = "",
) -> Block:
    """One button. `about` is what a screen reader says instead of the label."""
    element: Block = {"type": "button", "text": plain(label, limits.BUTTON), "action_id": action}
    optional = {
        "value": value[: limits.BUTTON_VALUE],
        "style": style,
        "confirm": confirm,
        "url": url if len(url) <= limits.URL else "",
        "accessibility_label": clean(about, limits.BUTTON),
    }
    return element | {k: v for k, v in optional.items() if v}


def confirm(title: str, text: str, yes: str, no: str) -> Block:
    """The question that a dangerous button asks first."""
    return {
        "title": plain(title, limits.CONFIRM_TITLE),
        "text": plain(text, limits.CONFIRM_TEXT),
        "confirm": plain(yes, limits.CONFIRM_BUTTON),
        "deny": plain(no, limits.CONFIRM_BUTTON),
        "style": "danger",
    }
