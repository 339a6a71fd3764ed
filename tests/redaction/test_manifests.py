"""Configuration as people keep it: what says HUSH is never shown, what says SHOWN always is."""

import re
from pathlib import Path

import pytest

from qbot.operations.releases.lines import changed_lines
from qbot.operations.releases.masking import masked
from qbot.redaction import redact

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.incident("secret-in-text")
@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_secrets_are_masked_and_all_else_stays(file: Path) -> None:
    text = file.read_text()
    shown = masked(text, redact)
    assert len(shown) == len(text.splitlines())
    assert [line for line in shown if "HUSH" in line] == []
    told = set(re.findall(r"SHOWN\d+", "\n".join(shown)))
    assert set(re.findall(r"SHOWN\d+", text)) - told == set()


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_a_line_that_changed_is_told_without_its_secret(file: Path) -> None:
    text = file.read_text()
    changes = changed_lines({file.name: (text, text.replace("HUSH", "HUSH9"))}, redact)
    assert changes.lines
    assert "HUSH" not in str(changes)


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_a_whole_file_that_comes_or_goes_tells_no_secret(file: Path) -> None:
    text = file.read_text()
    for before, after in ((text, ""), ("", text)):
        assert "HUSH" not in str(changed_lines({file.name: (before, after)}, redact))
