"""Commands that can be run here are run, as the pages write them; only paths are others."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from qbot.cli import main
from tests.docs import shells
from tests.docs.blocks import ROOT, blocks, is_of_catalog, trees

DOCS = ROOT / "docs"
BACKUP = "/backup/"


def typed(page: Path, *verb: str) -> Iterator[list[str]]:
    """The words after `qbot` of each such command of a page, in order."""
    for block in blocks(page):
        if block.language == "sh":
            for program, *words in shells.commands(block.text):
                if program == "qbot" and tuple(words[: len(verb)]) == verb:
                    yield words


def told(words: list[str], **env: str) -> str:
    """What it says, if it succeeds."""
    outer = {name: None for name in os.environ if name.upper().startswith("QBOT_")}
    result = CliRunner().invoke(main, words, env={**outer, **env})
    assert result.exit_code == 0, f"qbot {words}: {result.output}"
    return result.stdout


@pytest.mark.parametrize("name", ["configuration", "installation", "tutorial"])
def test_the_first_qbot_yaml_of_a_page_passes_the_check_that_the_page_names(
    name: str, tmp_path: Path
) -> None:
    page = DOCS / f"{name}.md"
    config, env_file = tmp_path / "qbot.yaml", tmp_path / "qbot.env"
    (example, *_) = (
        block.text
        for block in blocks(page)
        if block.language == "yaml" and all(map(is_of_catalog, trees(block)))
    )
    config.write_text(example)
    (settings,) = (b.text for b in blocks(DOCS / "settings.md") if b.language == "dotenv")
    env_file.write_text(settings.replace("/etc/qbot/qbot.yaml", str(config)))
    (words,) = typed(page, "check-config")
    assert "qbot.env" in words
    said = told([str(env_file) if word == "qbot.env" else word for word in words])
    assert f"{config}: 1 service" in said


def test_a_file_is_backed_up_checked_and_restored_by_what_the_page_says(
    tables: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/qbot.db"
    shutil.copyfile(tables, tmp_path / "qbot.db")
    commands = [
        [word.replace(BACKUP, f"{tmp_path}/") for word in words]
        for words in typed(DOCS / "operating.md", "store")
        if words[1] != "copy"
    ]
    said = [told(words, QBOT_DATABASE_URL=url) for words in commands]
    assert [words[1] for words in commands] == ["backup", "check", "restore"]
    assert all(": sound, schema version" in text for text in said)
    assert "what was there before is" in said[-1]
