"""Every dependency has its page, and every page is found."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "docs/decisions").glob("*.md")}
INDEX = PAGES.pop("README.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = [
    re.split(r"[^a-z.-]", line)[0]
    for line in (
        *PROJECT["dependencies"],
        *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
    )
]


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_a_dependency_has_its_reasons(name: str) -> None:
    assert any(f"`{name}" in page for page in PAGES.values())


def test_the_index_lists_every_page_once() -> None:
    assert sorted(re.findall(r"\]\((.+?)\)", INDEX)) == sorted(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_was_rejected_and_what_follows(name: str) -> None:
    for part in ("**Context.**", "**Decision.**", "**Rejected", "**Consequences.**"):
        assert PAGES[name].count(part) == 1
    assert len(PAGES[name].splitlines()) <= 40
