"""Pages that are made from the code; `pytest tests/docs --update-golden` writes them anew."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import get_origin

import pytest
from pydantic import BaseModel

from qbot.catalog import Catalog
from qbot.domain.commands import SPECS
from qbot.render.words import ttl
from qbot.settings.names import variables

DOCS = Path(__file__).parents[2] / "docs"
TRUST = (
    "Without a `CA_FILE`, the authorities that the machine trusts are believed (`SSL_CERT_FILE`,"
    " `SSL_CERT_DIR`), or certifi's where it has none; for GitLab's API always certifi's"
    " (`REQUESTS_CA_BUNDLE`)."
)
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
    """Every variable and every key of qbot.yaml."""
    lines = ["# Settings", "", "## Secrets and addresses", ""]
    lines += [
        "Environment variables, `--env-file`, or files in `QBOT_SECRETS_DIR`, in this order.",
        "",
    ]
    lines += ["| variable | |", "| --- | --- |"]
    lines += [f"| `{name}` | {text} |" for name, text in variables().items()]
    lines += [
        "",
        TRUST,
        "",
        "## qbot.yaml",
        "",
        "Unknown keys are refused; errors name file, line and key.",
        "",
    ]
    lines += ["| key | default | |", "| --- | --- | --- |", *_keys(Catalog, ""), ""]
    return "\n".join(lines)


def _keys(model: type[BaseModel], prefix: str) -> list[str]:
    rows: list[str] = []
    for name, field in model.model_fields.items():
        inner = _model(field.annotation)
        key = f"{prefix}{field.alias or name}"
        if inner:
            rows += _keys(inner, f"{key}{_many(field.annotation)}.")
            continue
        default = (
            "required"
            if field.is_required()
            else _shown(field.get_default(call_default_factory=True))
        )
        rows.append(f"| `{key}` | {default} | {field.description or ''} |")
    return rows


def _many(annotation: object) -> str:
    """How one of several is written."""
    origin = get_origin(annotation)
    return "[]" if origin is tuple else ".<name>" if origin is dict else ""


def _shown(default: object) -> str:
    """A default as it is written in the file."""
    if isinstance(default, timedelta):
        return f"`{ttl(default)}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default not in (None, "", (), {}) else ""


def _model(annotation: object) -> type[BaseModel] | None:
    """The part of the tree behind a field, also where it is optional or one of many."""
    choices = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), None)


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
