"""What is amiss besides permissions: neighbours that are away, names, webhooks; and no secret."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from ruamel.yaml import YAML

from qbot.domain.diagnosis.findings import Report, Severity
from qbot.render.doctor import as_json, as_text
from tests.examining.stand import CONFIG, Stand, stand, to_mend
from tests.world import Program

pytestmark = pytest.mark.asyncio(loop_scope="module")
MANY = 100


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Stand]:
    async with stand() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(shared: Stand) -> AsyncIterator[Stand]:
    catalog = shared.catalog.read_text(encoding="utf-8")
    env = shared.env_file.read_text(encoding="utf-8")
    yield shared
    shared.catalog.write_text(catalog, encoding="utf-8")
    shared.env_file.write_text(env, encoding="utf-8")
    await shared.drive("reset")


def changed(stand: Stand, change: Callable[[Any], None]) -> None:
    yaml = YAML()
    content = yaml.load(stand.catalog)
    change(content)
    yaml.dump(content, stand.catalog)


def whole(report: Report) -> str:
    return "\n".join([*as_text(report, colours=True), json.dumps(as_json(report))])


@pytest.mark.parametrize(
    ("vendor", "finding", "others"),
    [
        ("slack", "slack", ("GitLab: version", "Argo CD main: version", "qbot.yaml:")),
        ("gitlab", "gitlab", ("Slack: 13", "Argo CD main: version")),
        ("argocd", "argocd.main", ("Slack: 13", "GitLab: version", "qbot.yaml:")),
    ],
)
async def test_one_vendor_that_is_away_takes_only_its_own_part_along(
    fresh: Stand, vendor: str, finding: str, others: tuple[str, ...]
) -> None:
    await fresh.drive("fault", vendor=vendor, match="/", kind="503", times=MANY)
    report = await fresh.doctor()
    assert list(to_mend(report)) == [finding]
    (first, *_) = report.findings
    assert "does not answer" in first.what
    assert "the way there" in first.remedy
    well = "\n".join(report.well)
    assert all(other in well for other in others)


@pytest.mark.parametrize("name", ["QBOT_SLACK__BOT_TOKEN", "QBOT_GITLAB__TOKEN"])
async def test_a_token_that_is_refused_is_named_and_not_shown(fresh: Stand, name: str) -> None:
    text = fresh.env_file.read_text(encoding="utf-8")
    wrong = "xoxb-wrong-but-still-a-secret"
    lines = [f"{name}={wrong}" if x.startswith(f"{name}=") else x for x in text.splitlines()]
    fresh.env_file.write_text("\n".join(lines), encoding="utf-8")
    report = await fresh.doctor()
    (finding,) = report.to_mend
    assert "refuses" in finding.what
    assert name in finding.remedy
    assert wrong not in whole(report)


async def test_nothing_of_what_is_told_holds_a_secret(fresh: Stand) -> None:
    await fresh.drive("policy", line="g, qbot, role:qbot", granted=False)
    secrets = fresh.secrets()
    assert len(secrets) > 6
    told = whole(await fresh.doctor())
    assert [secret for secret in secrets if secret in told] == []


async def test_names_of_qbot_yaml_that_are_not_there_are_told_by_their_key(fresh: Stand) -> None:
    def change(content: Any) -> None:
        services = content["services"]
        services[0]["chart"] = "charts/none"
        services[0]["value_files"] = []
        services[1]["default_branch"] = "trunk"
        services[2]["value_files"] = ["values-none.yaml"]
        content["environments"]["base"]["path"] = "nowhere"
        content["stages"][0]["config"]["helm"]["key"] = "image.none"
        content["stages"][1]["config"]["helm"]["file"] = "none/{service}.yaml"
        content["stages"][1]["applications"] = "prod-{service}"
        content["roles"]["release-managers"] = {"slack": ["S0NONE"], "gitlab": ["no-such-group"]}
        content["reaper"]["channel"] = "C0NONE0001"

    changed(fresh, change)
    report = await fresh.doctor()
    names = [service["name"] for service in YAML(typ="safe").load(fresh.catalog)["services"]]
    first, second, third = names
    assert set(to_mend(report)) == {
        f"catalog.chart.shop/{first}.charts/none/Chart.yaml",
        f"catalog.branch.shop/{second}",
        f"catalog.values.shop/{third}.chart/values-none.yaml",
        "catalog.chart.shop/environments.nowhere/Chart.yaml",
        *(f"catalog.version.{stage}.{name}" for stage in ("staging", "production")
          for name in names),
        "argocd.main.stage.production",
        "slack.group.S0NONE",
        "gitlab.group.no-such-group",
        "slack.channel.C0NONE0001",
    }  # fmt: skip
    told = {finding.id: finding for finding in report.findings}
    assert f"services.{second}.default_branch" in told[f"catalog.branch.shop/{second}"].what
    assert "roles.release-managers.slack" in told["slack.group.S0NONE"].what
    assert "image.none" in told[f"catalog.version.staging.{first}"].what


async def test_channels_that_cannot_be_posted_to_are_told(fresh: Stand) -> None:
    await fresh.drive("channel", channel="releases", leave="qbot")
    (finding,) = (await fresh.doctor()).to_mend
    assert finding.lines == ("/invite @qbot",)
    assert "#releases" in finding.what
    await fresh.drive("channel", channel="releases", join="qbot", archived=True)
    (finding,) = (await fresh.doctor()).to_mend
    assert "is archived" in finding.what


async def test_a_project_that_is_archived_is_told(fresh: Stand) -> None:
    await fresh.drive("project", project=CONFIG, archived=True)
    assert set(to_mend(await fresh.doctor())) == {f"gitlab.project.{CONFIG}"}


async def test_a_token_that_soon_ends_is_told(fresh: Stand) -> None:
    end = fresh.sandbox.kernel.clock.now() + timedelta(days=9)
    await fresh.drive("token", expires=end.isoformat())
    (finding,) = (await fresh.doctor()).to_mend
    assert finding.severity is Severity.LACKING
    assert f"expires on {end.date()}" in finding.what


async def test_webhooks_that_tell_too_little_or_do_not_arrive_are_told(fresh: Stand) -> None:
    project = f"shop%2F{fresh.sandbox.gitlab.services[0].name}"
    (hook,) = await fresh.gitlab("GET", f"/projects/{project}/hooks")
    one = f"/projects/{project}/hooks/{hook['id']}"
    await fresh.gitlab(
        "PUT", one, pipeline_events=False, push_events_branch_filter="main", url=hook["url"]
    )
    report = await fresh.doctor()
    assert set(to_mend(report)) == {"webhooks.events", "webhooks.branches"}
    assert any("Pipeline events" in finding.what for finding in report.to_mend)
    await fresh.gitlab("DELETE", one)
    (finding,) = (await fresh.doctor()).to_mend
    assert finding.lines == (hook["url"],)


async def test_a_delivery_that_nobody_took_is_told(fresh: Stand) -> None:
    name = fresh.sandbox.gitlab.services[0].name
    await fresh.drive("push", project=f"shop/{name}", branch="feat/x")

    async def told() -> dict[str, Any]:
        report = await fresh.doctor()
        return {finding.id: finding for finding in report.to_mend}

    for _ in range(200):
        if found := await told():
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("the failed delivery was never told")
    assert set(found) == {"webhooks.deliveries"}
    assert "internal error" in found["webhooks.deliveries"].what


async def test_a_clock_that_is_wrong_is_told(fresh: Stand) -> None:
    text = fresh.env_file.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith("QBOT_CLOCK_URL=")]
    fresh.env_file.write_text("\n".join(kept), encoding="utf-8")
    fresh.sandbox.kernel.clock.advance(600.0)
    (finding,) = (await fresh.doctor()).to_mend
    assert (finding.id, finding.severity) == ("clock", Severity.BROKEN)
    assert "behind" in finding.what


async def test_the_command_tells_by_its_exit_status_and_in_json(fresh: Stand) -> None:
    async def asked(*options: str) -> tuple[int, str]:
        program = await Program.start(
            fresh.folder / "doctor.log", "doctor", "--env-file", str(fresh.env_file), *options
        )
        status = await program.ended()
        assert "Traceback" not in program.log.read_text(encoding="utf-8")
        return status, program.printed()

    await fresh.drive("scope", scope="files:write", granted=False)
    status, text = await asked("--json")
    told = json.loads(text)
    assert status == told["exit_status"] == 1
    lacking = [f["lines"] for f in told["findings"] if f["severity"] == "lacking"]
    assert lacking == [["- files:write"]]
    status, text = await asked("--accept", "slack.scope.files:write")
    assert (status, text.splitlines()[-1]) == (0, "nothing is to be mended")
    assert "\x1b" not in text
    fresh.catalog.write_text("services: 1", encoding="utf-8")
    assert (await asked())[0] == 2
