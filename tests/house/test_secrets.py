"""How the code handles secrets, read from the code itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

QBOT = Path(__file__).parents[2] / "qbot"
FILES = sorted(p for p in QBOT.rglob("*.py") if "sandbox" not in p.relative_to(QBOT).parts)
SECRET = re.compile(r"(?i)token|secret|signature|password|digest\b|cookie|hmac|api_?key")
# What has such a name and is none: kinds, counts and the content of a promotion.
HARMLESS = re.compile(
    r"^(''|None|\d+)$|^len\(|\.digest$|^digest$|^self\.digest$|_digest$|\.(kind|name|type)$"
)
AS_OTHERS = re.compile(r"(?i)\bsudo\b|impersonat")
APPROVING = re.compile(r"(?i)\bapprove\(|approvals\b.*create|/approve\b")  # of a merge request


def compared(path: Path) -> Iterator[str]:
    """Each comparison by == or != of something that is called like a secret."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and any(
            isinstance(op, ast.Eq | ast.NotEq) for op in node.ops
        ):
            if not SECRET.search(" ".join(lines[node.lineno - 1 : node.end_lineno])):
                continue  # to write it down again takes long
            sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
            if any(map(SECRET.search, sides)) and not any(map(HARMLESS.search, sides)):
                yield f"{path.relative_to(QBOT)}:{node.lineno}: {ast.unparse(node)}"


@pytest.mark.incident("timed-comparison")
def test_nothing_that_is_called_a_secret_is_compared_in_a_time_that_tells() -> None:
    assert [found for path in FILES for found in compared(path)] == []


# Who decides whether a secret that came from outside is the right one.
JUDGES = {
    ("gateways/linking.py", "is_browser"),
    ("web/hooks/argocd.py", "_sender"),
    ("web/hooks/proof.py", "_has_token"),
    ("web/hooks/proof.py", "_is_signed"),
    ("web/slack.py", "signed"),
}


@pytest.mark.incident("timed-comparison")
def test_who_judges_a_secret_compares_in_constant_time_and_in_no_other_way() -> None:
    found = {}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "compare_digest" in text else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = list(ast.walk(node))
                if any(
                    isinstance(call, ast.Call) and ast.unparse(call.func) == "hmac.compare_digest"
                    for call in inside
                ):
                    where = (path.relative_to(QBOT).as_posix(), node.name)
                    found[where] = [ast.unparse(c) for c in inside if isinstance(c, ast.Compare)]
    assert found == {judge: [] for judge in JUDGES}


@pytest.mark.incident("super-token")
def test_nothing_is_done_in_the_name_of_somebody_else() -> None:
    found = [
        f"{path.relative_to(QBOT)}: {line.strip()}"
        for path in FILES
        for line in path.read_text(encoding="utf-8").splitlines()
        if AS_OTHERS.search(line) or ("gateways" in path.parts and APPROVING.search(line))
    ]
    assert found == []
