"""Pages that are made from the code; `pytest tests/docs --update-golden` writes them anew."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from qbot.domain.commands import SPECS
from qbot.settings import PREFIX, ArgoCDSettings, Settings
from qbot.settings.names import variables

DOCS = Path(__file__).parents[2] / "docs"
TABLE = re.compile(r"(<!-- settings: .*? -->\n)(.*?)(<!-- /settings -->)", re.DOTALL)
HINTS = DOCS.parent / "qbot" / "sandbox" / "page" / "js" / "hints.js"


def commands() -> str:
    """Every command with its options and examples."""
    lines = [
        "# Commands",
        "",
        "Made from the grammar. ENV is a branch or an environment's name.",
        "",
    ]
    for spec in SPECS:
        lines += [f"## `/env {spec.verb}`", "", f"{spec.summary[0].upper()}{spec.summary[1:]}.", ""]
        lines += ["```", f"/env {spec.usage}", "```", ""]
        if spec.options:
            lines += ["| option | |", "| --- | --- |"]
            lines += [f"| `{o.usage.strip('[].')}` | {o.summary} |" for o in spec.options] + [""]
        lines += ["For instance:", "", "```", *(f"/env {e}" for e in spec.examples), "```", ""]
    lines += ["## `/env`", "", "Your environments, with buttons for all of this.", ""]
    return "\n".join(lines)


def settings() -> str:
    """The page with a table of every variable."""
    lines = ["| variable | default | |", "| --- | --- | --- |"]
    lines += [f"| `{n}` | {DEFAULTS.get(n, '')} | {text} |" for n, text in variables().items()]
    made = "\n".join([*lines, ""])
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    return TABLE.sub(lambda found: found[1] + made + found[3], page)


def _defaults(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    """What a variable is where it is not set, as it would be written."""
    for name, field in model.model_fields.items():
        inner, key = field.annotation, f"{prefix}{name.upper()}"
        if name == "argocd":
            yield from _defaults(ArgoCDSettings, f"{key}__<INSTANCE>__")
        elif isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _defaults(inner, f"{key}__")
        elif field.is_required():
            yield key, "required"
        elif value := field.get_default(call_default_factory=True):
            text = value.get_secret_value() if isinstance(value, SecretStr) else value
            yield key, f"`{text}`"


DEFAULTS = dict(_defaults(Settings, PREFIX))


@pytest.mark.parametrize(
    ("page", "made"),
    [("commands.md", commands), ("settings.md", settings)],
    ids=["commands", "settings"],
)
def test_a_page_says_what_the_code_says(
    page: str, made: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    path = DOCS / page
    if request.config.getoption("--update-golden"):
        path.write_text(made(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == made()


def test_the_page_proposes_every_command_in_the_words_of_its_help() -> None:
    found = re.search(r"const VERBS = (\[.*?\n\]);", HINTS.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    proposed = json.loads(re.sub(r",(\s*\])", r"\1", found[1]))
    usages = {verb: f"{verb} {usage}".rstrip() for verb, usage, _ in proposed}
    assert usages == {spec.verb: spec.usage for spec in SPECS}
