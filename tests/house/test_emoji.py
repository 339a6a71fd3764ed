"""The page of the sandbox shows every emoji that Qbot writes by its short code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r":([a-z][a-z0-9_]+):")
PAGE = ROOT / "qbot" / "sandbox" / "page" / "js" / "emoji.js"


def test_each_emoji_that_qbot_writes_is_one_on_the_page() -> None:
    shown = set(re.findall(r"^  ([a-z0-9_]+):", PAGE.read_text(), re.MULTILINE))
    for part in ("render", "slack", "cards"):
        for path in (ROOT / "qbot" / part).rglob("*.py"):
            missing = set(CODE.findall(path.read_text())) - shown
            assert not missing, path
