"""What people copy from the documentation works: each fenced block is checked, or fails."""

import re
from pathlib import Path

import pytest

from qbot.domain.commands import SPECS
from qbot.settings.names import unknown
from tests.docs import shells
from tests.docs.blocks import PAGES, ROOT, Block, blocks, check

NO_SETTINGS = {"QBOT_", "QBOT_ACCEPTANCE", "QBOT_KEY"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_what_it_looks_like(page: Path) -> None:
    wrong = []
    for block in blocks(page):
        try:
            check(block)
        except Exception as error:  # noqa: BLE001  (whoever reads the block has errors of its own)
            wrong.append(f"{block}: {type(error).__name__}: {error}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_fence_is_left_open(page: Path) -> None:
    fences = [line for line in page.read_text().splitlines() if line.lstrip().startswith("```")]
    assert len(fences) == 2 * len(blocks(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_named_between_words_exists(page: Path) -> None:
    """Commands, targets and settings in `code`."""
    text = re.sub(r"^( *)```.*?^\1```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    verbs = {spec.verb for spec in SPECS}
    for code in re.findall(r"`([^`\n]+)`", text):
        if re.match(r"(qbot|make) [a-z]", code):
            shells.check(code)
        elif found := re.match(r"/env ([a-z]+)", code):
            assert found[1] in verbs, code
        elif found := re.match(r"QBOT_\w+", code.replace("<INSTANCE>", "MAIN")):
            assert found[0] in NO_SETTINGS or not unknown({found[0]: ""}), code


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("", "/env delte feat/x\n"),
        ("", "make demo\n"),
        ("sh", "qbot serv\n"),
        ("sh", "qbot serve --env-fiel try/env\n"),
        ("sh", "qbot demo --port here\n"),
        ("sh", "qbot manifest --mode http\n"),
        ("sh", "make demmo\n"),
        ("sh", 'make demo ARGS="--prot 1"\n'),
        ("sh", "kubectl apply -k manifests/nowhere\n"),
        ("sh", "curl localhost:8081/helthz\n"),
        ("sh", 'ls "$(qbot nothing)"\n'),
        ("sh", "true && qbto serve\n"),
        ("console", "$ qbot nothing\n"),
        ("yaml", "services:\n- {projct: cart}\n"),
        ("yaml", "apiVersion: v1\nkind: ConfigMap\n"),
        ("yaml", "somebody: else\n"),
        ("dotenv", "QBOT_GITLAB__TOKN=x\n"),
        ("csv", "p, role:qbot, projects, get\n"),
        ("json", "{'a': 1}\n"),
        ("text", "make demo\n"),
        ("toml", "a = 1\n"),
    ],
)
def test_what_is_wrong_is_found(language: str, text: str) -> None:
    with pytest.raises(Exception, match=r".*"):
        check(Block(ROOT / "README.md", 1, language, text))
