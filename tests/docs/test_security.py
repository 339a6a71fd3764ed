"""The table of incidents in docs/security.md is made from the marks of the tests."""

from pathlib import Path

import pytest

from tests.docs.incidents import INCIDENTS, shown, table

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- incidents: generated -->", "<!-- /incidents -->"


def test_every_class_of_incidents_has_a_test_and_every_mark_a_class() -> None:
    assert set(shown()) == set(INCIDENTS)


def test_the_table_says_which_tests_they_are(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"
    if request.config.getoption("--update-golden"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made
