"""docs/stages.md: what is to be copied from there works."""

import re
from pathlib import Path

import pytest

from qbot.catalog import load_catalog
from qbot.domain.commands import SPECS

TEXT = (Path(__file__).parents[2] / "docs" / "stages.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PARTS = [text for kind, text in BLOCKS if kind == "yaml"]
STAGES = [part for part in PARTS if part.startswith("stages:")]
BASE = """\
services:
  - {name: cart, project: shop/cart}
  - {name: payments, project: shop/payments}
environments:
  base: {project: shop/environments}
"""


@pytest.mark.parametrize("stages", STAGES, ids=["helm", "kustomize", "branches"])
def test_every_example_is_a_qbot_yaml_with_all_the_others(stages: str, tmp_path: Path) -> None:
    path = tmp_path / "qbot.yaml"
    others = [part for part in PARTS if part not in STAGES]
    path.write_text("".join([BASE, *others, stages]), encoding="utf-8")
    found = load_catalog(path, instances=["main"], secrets=["backup"])
    assert [stage.name for stage in found.stages] == ["staging", "production"]


def test_every_command_exists() -> None:
    assert set(re.findall(r"/env (\w+)", TEXT)) <= {spec.verb for spec in SPECS}
