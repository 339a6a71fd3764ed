"""The fenced blocks of the documentation: where they are, and what each kind has to be.

What a block is can be seen: by its language, and within YAML by its keys. What is none of these
is a block that nobody checks, and fails.

    (none)    typed in Slack: each line that begins with /env is parsed by Qbot
    sh        typed in a shell: see `shells`
    console   the same with `$ ` before it, and what is answered; run by a test (test_walk.py)
    yaml      a part of qbot.yaml or of Prometheus's configuration, or for Kubernetes or Helm
    dotenv    settings
    ini       a unit of systemd
    csv       lines of Argo CD's policy
    json      JSON
    text      shown, not typed: answers, layouts
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from io import StringIO
from json import loads
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from ruamel.yaml import YAML
from typing_extensions import override

from qbot.catalog import Catalog
from qbot.catalog.names import CONTEXT, Names
from qbot.domain.commands import SPECS, parse
from qbot.settings.names import unknown
from tests.docs import shells

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "manifests").rglob("*.md")]
)
_FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```[ ]*$", re.MULTILINE | re.DOTALL)
_PROMETHEUS = {"scrape_configs", "rule_files", "alerting", "global"}
BASE: Mapping[str, Any] = {
    "services": [
        {"name": "cart", "project": "shop/cart"},
        {"name": "payments", "project": "shop/payments"},
    ],
}
ENVIRONMENTS: Mapping[str, Any] = {"base": {"project": "shop/environments"}}


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is the number of its first."""

    page: Path
    line: int
    language: str
    text: str

    @override
    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        inner = re.sub(f"^{match[1]}", "", match[3], flags=re.MULTILINE)
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, match[2].strip(), inner))
    return found


def check(block: Block) -> None:
    """One block is what its language says.

    Raises:
        AssertionError: or another error of whoever reads such things: it is not.
    """
    assert block.language in _CHECKS, f"{block}: nobody checks blocks of `{block.language}`"
    _CHECKS[block.language](block)


def _typed_in_slack(block: Block) -> None:
    typed = [line for line in block.text.splitlines() if line.strip()]
    usages = {f"/env {spec.usage}" for spec in SPECS}
    for line in typed:
        command = re.split(r" {2,}", line)[0]  # an explanation follows after two spaces
        assert command.startswith("/env"), f"{block}: {line} is not typed in Slack"
        if command not in usages:
            parse(re.sub(r" @\w+", " <@U05AB12CD>", command.removeprefix("/env")))  # as Slack does


def _shell(block: Block) -> None:
    shells.check(block.text)


def _console(block: Block) -> None:
    shells.check("\n".join(line[2:] for line in block.text.splitlines() if line.startswith("$ ")))


def trees(block: Block) -> list[dict[str, Any]]:
    """What a block of YAML holds."""
    return [dict(tree) for tree in YAML(typ="safe").load_all(block.text) if tree is not None]


def is_of_catalog(tree: Mapping[str, Any]) -> bool:
    """Whether it is a part of qbot.yaml."""
    return tree.keys() <= set(Catalog.model_fields)


def _yaml(block: Block) -> None:
    for tree in trees(block):
        if is_of_catalog(tree):
            as_catalog(tree, beside=_parts_of_page(block.page))
        elif tree.keys() >= {"apiVersion", "name", "version"}:
            assert tree["apiVersion"] == "v2", f"{block}: Helm 3 has charts of v2"
        elif "apiVersion" in tree:
            assert tree["kind"]
            assert tree["metadata"]["name"]
        else:
            assert tree.keys() <= _PROMETHEUS, f"{block}: nobody checks YAML with such keys"


def _parts_of_page(page: Path) -> Iterator[Mapping[str, Any]]:
    for block in blocks(page):
        if block.language == "yaml":
            yield from filter(is_of_catalog, trees(block))


def as_catalog(tree: Mapping[str, Any], *, beside: Iterable[Mapping[str, Any]]) -> Catalog:
    """A part of qbot.yaml with the least that it leaves out; it may name what is in other parts.

    Raises:
        ValidationError: it is no such part.
    """
    whole = {**BASE, **tree, "environments": {**ENVIRONMENTS, **tree.get("environments", {})}}
    parts = [whole, *beside]
    names = Names(
        instances=[*re.findall(r"'argocd': '(\w+)'", str(parts)), "main"],
        secrets=[found.lower() for found in re.findall(r"'secret': '(\w+)'", str(parts))],
        **{
            kind: [name for part in parts for name in _names(part.get(kind, ()))]
            for kind in ("services", "sets", "roles", "jobs", "stages")
        },
    )
    return Catalog.model_validate(whole, context={CONTEXT: names})


def _names(part: Any) -> list[str]:
    """Those of a mapping are its keys; entries of a list have one each."""
    return list(part) if isinstance(part, Mapping) else [each.get("name", "") for each in part]


def _dotenv(block: Block) -> None:
    found = dotenv_values(stream=StringIO(block.text))
    assert found
    assert not unknown({name: value or "" for name, value in found.items()}), block


def _unit(block: Block) -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # documented way
    unit.read_string(block.text)
    assert unit["Unit"]["Description"]
    shells.check(unit["Service"]["ExecStart"])


def _policy(block: Block) -> None:
    for line in block.text.splitlines():
        kind, *fields = (field.strip() for field in line.split(","))
        assert (kind, len(fields)) in {("p", 5), ("g", 2)}, f"{block}: {line}"


def _json(block: Block) -> None:
    loads(block.text)


def _text(block: Block) -> None:
    assert not re.match(r"(\$|make|qbot|kubectl|curl|/env) ", block.text), f"{block}: it is typed"


_CHECKS: Mapping[str, Callable[[Block], None]] = {
    "": _typed_in_slack,
    "sh": _shell,
    "console": _console,
    "yaml": _yaml,
    "dotenv": _dotenv,
    "ini": _unit,
    "csv": _policy,
    "json": _json,
    "text": _text,
}
