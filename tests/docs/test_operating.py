"""docs/operating.md: every metric and every alert, as the code and the rules have them."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from ruamel.yaml import YAML

from tests.docs.test_links import anchors
from tests.metered import Metered

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operating.md"
TABLE = re.compile(r"(<!-- metrics: .*? -->\n)(.*?)(<!-- /metrics -->)", re.DOTALL)


async def table() -> str:
    """One row for each metric."""
    metered = Metered()
    metered.happen()
    await metered.standing.refresh()
    of_database = {metric.name for metric in metered.standing.collect()} - {"qbot_database_up"}
    lines = ["| metric | kind | labels | of | |", "| --- | --- | --- | --- | --- |"]
    for metric in sorted(metered.metrics.registry.collect(), key=lambda m: m.name):
        if metric.name.startswith("qbot_"):
            of = "database" if metric.name in of_database else "replica"
            lines.append(row(metric, of))
    return "\n".join([*lines, ""])


def row(metric: Metric, of: str) -> str:
    """Its name as it is queried; a histogram's has `_bucket`, `_sum` and `_count` besides."""
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    labels = ", ".join(f"`{label}`" for label in labels_of(metric))
    return f"| `{name}` | {metric.type} | {labels} | {of} | {metric.documentation} |"


def labels_of(metric: Metric) -> Iterable[str]:
    found = {label: None for sample in metric.samples for label in sample.labels if label != "le"}
    assert found or metric.samples, f"{metric.name} has no sample here"
    return found


async def test_the_table_of_metrics_says_what_the_code_says(request: pytest.FixtureRequest) -> None:
    made = await table()
    text = PAGE.read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        text = TABLE.sub(lambda found: found[1] + made + found[3], text)
        PAGE.write_text(text, encoding="utf-8")
    found = TABLE.search(text)
    assert found
    assert found[2] == made


def test_every_alert_has_its_run_book_and_says_where() -> None:
    written = ROOT / "manifests" / "kubernetes" / "monitoring" / "prometheusrule.yaml"
    rules = YAML(typ="safe").load(written.read_text(encoding="utf-8"))["spec"]["groups"][0]["rules"]
    sections = re.findall(r"^### (Qbot\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == [rule["alert"] for rule in rules]
    for rule in rules:
        path, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert anchor == rule["alert"].lower()
        assert anchor in anchors(ROOT / path)
