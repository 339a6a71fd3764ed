"""docs/configuration.md: each key of qbot.yaml, as the models have it, and in an example."""

import re

import pytest
from pydantic.fields import FieldInfo

from tests.docs import keys
from tests.docs.blocks import ROOT, blocks, is_of_catalog, trees

PAGE = ROOT / "docs" / "configuration.md"
TABLE = re.compile(r"(<!-- keys: (\w+) -->\n)(.*?)(<!-- /keys -->)", re.DOTALL)


def test_the_tables_say_what_the_models_say(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    made = TABLE.sub(lambda found: found[1] + keys.table(found[2]) + found[4], text)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made


def test_each_key_is_in_one_table() -> None:
    tables = "".join(found[3] for found in TABLE.finditer(PAGE.read_text(encoding="utf-8")))
    assert sorted(re.findall(r"^\| `(\S+)` \|", tables, re.MULTILINE)) == sorted(
        key for key, _ in keys.leaves()
    )


@pytest.mark.parametrize(("key", "field"), [pytest.param(k, f, id=k) for k, f in keys.leaves()])
def test_a_key_says_what_it_is(key: str, field: FieldInfo) -> None:
    assert field.description
    assert keys.kind(field)


def test_each_key_is_in_an_example() -> None:
    examples = [tree for block in blocks(PAGE) if block.language == "yaml" for tree in trees(block)]
    shown = {key for tree in examples if is_of_catalog(tree) for key in keys.shown(tree)}
    shown |= {re.sub(r"^(roles|policy)\.\w[\w-]*\.", r"\1.<name>.", key) for key in shown}
    assert {key for key, _ in keys.leaves()} - shown == set()
