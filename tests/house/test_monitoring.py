"""manifests/kubernetes/monitoring, before a real Prometheus that scrapes Qbot."""

import asyncio
import json
import re
import shlex
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ruamel.yaml import YAML

from qbot.web.health import admin_app
from tests.metered import Metered
from tests.sandbox.slack.stage import served

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "manifests" / "kubernetes" / "monitoring"
BOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))
ALERTS = FOLDER / "prometheusrule.yaml"
SPEC: dict[str, Any] = YAML(typ="safe").load(ALERTS.read_text(encoding="utf-8"))["spec"]
RULES: list[dict[str, Any]] = SPEC["groups"][0]["rules"]
NEEDED = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
needs_prometheus = pytest.mark.skipif(
    bool(NEEDED), reason=f"{' and '.join(NEEDED)} missing (Debian's package prometheus)"
)
PATIENCE = 60.0
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
START = 1_800_000_000  # seconds since 1970
STEP = 30  # seconds between two scrapes
MINUTES = 45  # as many samples as a series of an alert's test has


def expressions() -> Iterator[tuple[str, str]]:
    """Every query of the dashboard with its panel's title."""
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def as_grafana_sends(expression: str) -> str:
    """With the variables filled in."""
    filled = expression.replace("$job", "qbot").replace("$__rate_interval", "1m")
    assert "$" not in filled
    return filled


class Prometheus:
    """A running one, asked by HTTP of the moment of the last scrape."""

    def __init__(self, url: str, http: aiohttp.ClientSession, at: int) -> None:
        self._url, self._http, self._at = url, http, at

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The result; an error of the query is one of the test."""
        asked = {"query": expression, "time": str(self._at)}
        async with self._http.post(f"{self._url}/api/v1/query", data=asked) as answer:
            body = await answer.json()
        assert body["status"] == "success", (expression, body)
        found: list[dict[str, Any]] = body["data"]["result"]
        return found


@asynccontextmanager
async def prometheus(scrapes: Mapping[int, str], folder: Path) -> AsyncIterator[Prometheus]:
    """One that has these scrapes, by their seconds since 1970, on a port that it chooses itself.

    It does not scrape by itself: that begins five seconds after its start.
    """
    told = "".join(scraped(text, at) for at, text in scrapes.items())
    (folder / "scrapes").write_text(f"{told}# EOF\n", encoding="utf-8")
    data = str(folder / "data")
    await done("promtool", "tsdb", "create-blocks-from", "openmetrics", f"{folder}/scrapes", data)
    config = {"rule_files": [str(await rule_file(folder))]}
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        "--web.listen-address=127.0.0.1:0",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
            yield Prometheus(await address(process.stderr), http, max(scrapes))
    finally:
        process.kill()
        await process.communicate()


async def rule_file(folder: Path) -> Path:
    """What docs/operating.md makes of the PrometheusRule for a Prometheus without the operator."""
    pages = ROOT / "docs" / "operating.md", ALERTS
    commands = [re.findall(r"sed (.+) prometheusrule.yaml >", page.read_text()) for page in pages]
    assert commands[0] == commands[1]
    path = folder / "qbot.rules.yaml"
    path.write_text(await done("sed", *shlex.split(commands[0][0]), str(ALERTS)))
    assert YAML(typ="safe").load(path.read_text()) == SPEC
    return path


def scraped(text: str, at: int) -> str:
    """Qbot's text as Prometheus keeps it: with job, instance and time."""
    lines = ['up{job="qbot",instance="a"} 1']
    for line in text.splitlines():
        if not line.startswith("#"):
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            name, labels, value = sample.groups("")
            inner = ",".join(filter(None, (labels, 'job="qbot",instance="a"')))
            lines.append(f"{name}{{{inner}}} {value}")
    return "".join(f"{line} {at}\n" for line in lines)


async def address(log: asyncio.StreamReader) -> str:
    """Where it listens, once it is ready; it says either first."""
    said = ""
    async for line in log:
        said += line.decode()
        found = re.search(r'msg="Listening on" address=(\S+)', said)
        if found and "Server is ready" in said:
            return f"http://{found[1]}"
    raise AssertionError(said)


async def done(*command: str, given: str = "") -> str:
    """What a program says that has to succeed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(given.encode())
    assert process.returncode == 0, said.decode()
    return said.decode()


async def text_of(metered: Metered) -> str:
    """What Qbot answers to a scrape."""
    app = admin_app(metered.metrics.registry, {}, refresh=metered.standing.refresh)
    async with (
        served(app) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/metrics") as answer,
    ):
        return await answer.text()


@needs_prometheus
async def test_each_query_of_board_and_alerts_is_answered_by_what_qbot_serves(
    tmp_path: Path,
) -> None:
    metered, scrapes = Metered(), dict[int, str]()
    for at in range(START, START + 3 * STEP, STEP):
        metered.happen()
        scrapes[at] = await text_of(metered)
    async with prometheus(scrapes, tmp_path) as asked:
        without = [
            (title, expression)
            for title, expression in expressions()
            if not _numbers(await asked.query(as_grafana_sends(expression)))
        ]
        assert without == []
        for rule in RULES:
            await asked.query(rule["expr"])
            for selector in set(re.findall(r"\b(?:qbot_\w+|up)\{", rule["expr"])):
                assert await asked.query(f'{selector}job="qbot"}}'), (rule["alert"], selector)


@needs_prometheus
async def test_names_and_helps_are_by_prometheus_conventions() -> None:
    metered = Metered()
    metered.happen()
    assert await done("promtool", "check", "metrics", given=await text_of(metered)) == ""


def _numbers(result: Sequence[dict[str, Any]]) -> bool:
    return any(series["value"][1] != "NaN" for series in result)


def series(name: str, values: str) -> dict[str, str]:
    """One input of an alert's test; `values` as promtool takes them."""
    inner = name.removesuffix("}").partition("{")
    labels = f"{inner[2]}, " if inner[2] else ""
    return {"series": f'{inner[0]}{{{labels}job="qbot", instance="a"}}', "values": values}


def rising(by: float) -> str:
    """A counter that grows by so much in each minute."""
    return f"0+{by:g}x{MINUTES}"


def steady(value: float) -> str:
    """A gauge that stays."""
    return f"{value:g}+0x{MINUTES}"


CALLS = "qbot_vendor_call_duration_seconds_count"
OLDEST = "qbot_operations_oldest_seconds"
DELAYS = "qbot_card_delay_seconds_bucket"
ENDED = "qbot_operations_ended_total"
FIRES = {
    "QbotDown": [series("up", steady(0))],
    "QbotDatabaseAway": [series("qbot_database_up", steady(0))],
    "QbotOperationsStuck": [series(f'{OLDEST}{{kind="create", state="running"}}', steady(4000))],
    "QbotOperationsNotBegun": [series(f'{OLDEST}{{kind="sync", state="queued"}}', steady(2000))],
    "QbotOperationsFailing": [
        series(f'{ENDED}{{kind="create", outcome="failed"}}', rising(1)),
        series(f'{ENDED}{{kind="create", outcome="succeeded"}}', rising(1)),
    ],
    "QbotCardsBehind": [
        series(f'{DELAYS}{{rank="end", le="20"}}', rising(1)),
        series(f'{DELAYS}{{rank="end", le="60"}}', rising(10)),
        series(f'{DELAYS}{{rank="end", le="+Inf"}}', rising(10)),
    ],
    "QbotCardsWithoutWriter": [series("qbot_cards_leading", steady(0))],
    "QbotVendorErrors": [
        series(f'{CALLS}{{vendor="gitlab", status="2xx"}}', rising(7)),
        series(f'{CALLS}{{vendor="gitlab", status="none"}}', rising(3)),
    ],
    "QbotVendorAway": [series('qbot_vendor_up{vendor="argocd", server="main"}', steady(0))],
    "QbotWebhooksRejected": [
        series('qbot_webhooks_total{source="gitlab", result="token"}', rising(1))
    ],
    "QbotReaperHeld": [
        series('qbot_reaper_decisions_total{decision="held", cause=""}', rising(0.1))
    ],
    "QbotLeasesChangeOften": [
        series('qbot_lease_changes_total{lease="cards", change="taken"}', rising(1))
    ],
}
ALL_IS_WELL = [
    series("up", steady(1)),
    series("qbot_database_up", steady(1)),
    series('qbot_vendor_up{vendor="argocd", server="main"}', steady(1)),
    series(f'{OLDEST}{{kind="create", state="running"}}', steady(300)),
    series(f'{OLDEST}{{kind="promote", state="running"}}', steady(200_000)),
    series(f'{OLDEST}{{kind="sync", state="waiting"}}', steady(200_000)),
    series(f'{ENDED}{{kind="create", outcome="failed"}}', rising(1)),
    series(f'{ENDED}{{kind="create", outcome="succeeded"}}', rising(9)),
    series(f'{DELAYS}{{rank="end", le="20"}}', rising(10)),
    series(f'{DELAYS}{{rank="end", le="+Inf"}}', rising(10)),
    series("qbot_cards_behind", steady(20)),
    series("qbot_cards_leading", steady(1)),
    series(f'{CALLS}{{vendor="gitlab", status="2xx"}}', rising(99)),
    series(f'{CALLS}{{vendor="gitlab", status="4xx"}}', rising(99)),
    series(f'{CALLS}{{vendor="gitlab", status="5xx"}}', rising(1)),
    series('qbot_webhooks_total{source="gitlab", result="heard"}', rising(100)),
    series('qbot_reaper_decisions_total{decision="held", cause=""}', steady(1)),
    series('qbot_reaper_decisions_total{decision="deleted", cause="idle"}', rising(1)),
    series('qbot_lease_changes_total{lease="cards", change="taken"}', steady(1)),
]


def case(given: Sequence[dict[str, str]], tests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is to be so after these series, in promtool's form."""
    return {"interval": "1m", "input_series": given, "promql_expr_test": tests}


def firing(alert: str, *, how_many: int) -> dict[str, Any]:
    """Whether an alert fires at the end, in promtool's form."""
    return {
        "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
        "eval_time": f"{MINUTES}m",
        "exp_samples": [{"value": how_many}] if how_many else [],
    }


@needs_prometheus
async def test_each_alert_fires_where_it_should_and_none_where_all_is_well(tmp_path: Path) -> None:
    cases = [case(given, [firing(alert, how_many=1)]) for alert, given in FIRES.items()]
    silent = [firing(alert, how_many=0) for alert in FIRES]
    cases.append(case(ALL_IS_WELL, silent))
    tests = tmp_path / "alerts.test.yaml"
    rules = await rule_file(tmp_path)
    body = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": cases}
    tests.write_text(json.dumps(body), encoding="utf-8")
    await done("promtool", "test", "rules", str(tests))


def test_every_alert_is_tested() -> None:
    assert FIRES.keys() == {rule["alert"] for rule in RULES}


def test_every_alert_says_how_bad_it_is_and_what_it_means() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}


def test_the_boards_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for at in (panel["gridPos"] for panel in panels):
        rows, columns = range(at["y"], at["y"] + at["h"]), range(at["x"], at["x"] + at["w"])
        cells = {(y, x) for y in rows for x in columns}
        assert max(x for _, x in cells) < 24
        assert taken.isdisjoint(cells)
        taken |= cells
