"""What Slack adds to blocks before it keeps them: ids, and defaults of text objects."""

import secrets
import string
from typing import Any

from qbot.sandbox.slack.blocks.check import elements_of

LETTERS = string.ascii_letters + string.digits


def complete(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A copy with every block_id, action_id and text default filled in.

    A markdown block loses the id that it came with, as at Slack, which translates it.
    """
    done = []
    for given in blocks:
        block: dict[str, Any] = _defaults(given)
        if "block_id" not in block or block["type"] == "markdown":
            block["block_id"] = _short_id()
        for element in elements_of(block):
            element.setdefault("action_id", _short_id())
        done.append(block)
    return done


def _short_id() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(5))


def _defaults(value: Any) -> Any:
    if isinstance(value, list):
        return [_defaults(one) for one in value]
    if not isinstance(value, dict):
        return value
    copy = {name: _defaults(one) for name, one in value.items()}
    if copy.get("type") == "plain_text" and "text" in copy:
        copy.setdefault("emoji", True)
    if copy.get("type") == "mrkdwn":
        copy.setdefault("verbatim", False)
    return copy
