"""The `golden` fixture: what is rendered equals what somebody has read and found good."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qbot.render.blocks import Message
from tests.render.blockcheck import check_home, check_message, check_view

GOLDEN = Path(__file__).parents[1] / "golden"
Golden = Callable[[str, Message | dict[str, Any]], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Check a message or view against Slack's rules and against its file."""
    update = bool(request.config.getoption("--update-golden"))

    def compare(name: str, rendered: Message | dict[str, Any]) -> None:
        if isinstance(rendered, Message):
            check_message(rendered.text, list(rendered.blocks))
            shown: dict[str, Any] = {"text": rendered.text, "blocks": list(rendered.blocks)}
        else:
            (check_home if rendered["type"] == "home" else check_view)(rendered)
            shown = rendered
        text = json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
        path = GOLDEN / f"{name}.json"
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.read_text() == text, f"differs from {path.name}; see --update-golden"

    return compare
