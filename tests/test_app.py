"""Start and stop over real processes: in order, within seconds, and with a sentence for a fault."""

import re
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from qbot.app import _start
from qbot.app.neighbours import Neighbours, try_tokens
from qbot.app.scopes import LOST, missing_scopes
from qbot.catalog import load_catalog
from qbot.domain.names import BranchName, env_name
from qbot.errors import PermanentError
from qbot.sandbox.demo import free_port
from qbot.sandbox.slack.seed import DEFAULT_SCOPES
from qbot.settings import Settings, all_secrets
from qbot.settings.loading import load
from tests.sandbox.slack.stage import stage
from tests.world import Program, World, until, world

GRACE = 30.0  # seconds that Kubernetes leaves a container by default

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A sandbox at two hundred times real speed, without a Qbot."""
    async with world(tmp_path_factory.mktemp("app"), speed=200.0) as made:
        yield made


def elsewhere(folder: Path) -> dict[str, str]:
    """Settings for a Qbot that shares nothing with another one but the sandbox."""
    port = free_port()
    return {
        "QBOT_DATABASE_URL": f"sqlite:///{folder}/own.db",
        "QBOT_LISTEN": f"127.0.0.1:{port}",
        "QBOT_ADMIN_LISTEN": f"127.0.0.1:{port + 1}",
    }


async def refused(shared: World, folder: Path, **env: str) -> str:
    """Start a Qbot that ends by itself; what it says."""
    log = folder / "refused.log"
    program = await Program.start(log, "serve", "--env-file", str(shared.env_file), env=env)
    assert await program.ended() == 2
    said = log.read_text()
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("qbot: ")]
    return line


@pytest.mark.timeout(120)
async def test_work_is_given_back_at_a_stop_finished_after_it_and_no_secret_is_logged(
    shared: World,
) -> None:
    drive = shared.drive
    first = await shared.serve()
    probes = {"QBOT_ADMIN_LISTEN": f"127.0.0.1:{free_port()}"}
    told = await refused(shared, shared.folder, **probes)
    assert f"another Qbot (process {first.pid}) uses the database" in told
    assert "set QBOT_DATABASE_URL to a PostgreSQL" in told

    cart = f"{env_name(BranchName('feat/stop'), prefix='qbot')}-cart"
    await drive.post("push", project="shop/cart", branch="feat/stop")
    await drive.post("app", name=cart, health="Progressing")
    await drive.env("help create")
    await drive.env("create feat/stop")
    await drive.card("feat/stop", "Creating")
    assert await first.stop(seconds=GRACE) == 0
    with sqlite3.connect(shared.folder / "qbot.db") as database:
        rows = database.execute("select state, owner from operations").fetchall()
    database.close()
    assert [state for state, _ in rows if state != "done"] in (["ready"], ["waiting"])

    second = await shared.serve()
    await drive.post("app", name=cart, health=None)
    await drive.card("feat/stop", "Ready")
    assert len(await drive.cards("feat/stop")) == 1
    assert await second.stop() == 0
    check_logs(shared)


def check_logs(shared: World) -> None:
    """No log holds a secret, a response_url, a trigger or a ticket."""
    written = "".join(p.read_text() for p in shared.folder.glob("qbot-*.log"))
    assert "stopping" in written
    for secret in all_secrets(load({}, env_file=shared.env_file)):
        assert secret not in written
    assert not re.search(r"/slack/(commands|actions)/|ticket=|trigger_id", written)


@asynccontextmanager
async def begun(shared: World, folder: Path, **env: str) -> AsyncIterator[Settings]:
    """A Qbot in this process, from its first step to its last; logs stay as they are."""
    settings = load({**elsewhere(folder), **env}, env_file=shared.env_file)
    async with AsyncExitStack() as stack:
        await _start(settings, load_catalog(settings.config, instances=settings.argocd), stack)
        yield settings


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("QBOT_SLACK__BOT_TOKEN", r"^QBOT_SLACK__BOT_TOKEN: Slack refuses the token .*[^.]\.$"),
        ("QBOT_SLACK__APP_TOKEN", r"^QBOT_SLACK__APP_TOKEN: Slack refuses the token .*[^.]\.$"),
        ("QBOT_SLACK__TEAM_ID", r"^QBOT_SLACK__TEAM_ID is xapp-wrong, but QBOT_SLACK__BOT_TOKEN"),
    ],
)
async def test_what_slack_refuses_is_named_by_its_setting(
    shared: World, tmp_path: Path, setting: str, says: str
) -> None:
    with pytest.raises(PermanentError, match=says):
        async with begun(shared, tmp_path, **{setting: "xapp-wrong"}):
            pass


@pytest.mark.parametrize("setting", ["QBOT_LISTEN", "QBOT_ADMIN_LISTEN"])
async def test_a_taken_address_names_its_setting(
    shared: World, tmp_path: Path, setting: str
) -> None:
    taken = shared.drive.url.removeprefix("http://")
    with pytest.raises(PermanentError, match=f"^{setting}: cannot listen on {taken}: "):
        async with begun(shared, tmp_path, **{setting: taken}):
            pass


async def test_a_wrong_token_ends_the_process_with_one_sentence(
    shared: World, tmp_path: Path
) -> None:
    own = elsewhere(tmp_path) | {"QBOT_SLACK__BOT_TOKEN": "xoxb-wrong"}
    told = await refused(shared, tmp_path, **own)
    assert told.startswith("qbot: QBOT_SLACK__BOT_TOKEN: Slack refuses the token")


async def test_a_slack_that_is_away_at_the_start_is_waited_for(
    shared: World, tmp_path: Path
) -> None:
    await shared.drive.post("fault", vendor="slack", match="auth.test", kind="503", times=1)
    with capture_logs() as logs:
        async with begun(shared, tmp_path) as settings, httpx.AsyncClient(trust_env=False) as http:
            ready = await http.get(f"http://{settings.admin_listen}/readyz")
    assert [e["retry_in"] for e in logs if e["event"] == "slack does not answer yet"] == [1.0]
    assert ready.json() == {"ready": True, "checks": {"start": "ok", "database": "ok"}}
    steps = [e["step"] for e in logs if e["event"] == "starting"]
    assert steps == ["database", "slack", "cards", "operations", "doors"]


async def test_a_slack_that_is_away_at_a_later_start_keeps_nothing_waiting(
    shared: World, tmp_path: Path
) -> None:
    async with begun(shared, tmp_path):
        pass
    await shared.drive.post("fault", vendor="slack", match="auth.test", kind="503", times=1)
    with capture_logs() as logs:
        async with begun(shared, tmp_path) as settings, httpx.AsyncClient(trust_env=False) as http:
            ready = await http.get(f"http://{settings.admin_listen}/readyz")
    assert ready.status_code == 200
    told = [e["event"] for e in logs if e["event"].startswith("slack does not answer")]
    assert told == ["slack does not answer: going on as the last time"]


async def tried(logs: Sequence[MutableMapping[str, Any]], count: int) -> list[str]:
    """What the log says of neighbours once `count` of them answered or were given up."""

    def found() -> list[str]:
        events = ("a neighbour refuses Qbot", "a neighbour does not answer")
        return [
            f"{e['log_level']}: {e['error']}; {e['next_step']}"
            for e in logs
            if e["event"] in events
        ]

    async def enough() -> bool:
        return len(found()) >= count

    await until(enough, what=f"{count} neighbours to be tried")
    return sorted(found())


async def test_a_refused_token_of_a_neighbour_is_told_and_keeps_nobody_from_serving(
    shared: World, tmp_path: Path
) -> None:
    wrong = {"QBOT_ARGOCD__MAIN__TOKEN": "argo-wrong", "QBOT_GITLAB__TOKEN": "glpat-wrong"}
    with capture_logs() as logs:
        async with begun(shared, tmp_path, **wrong):
            argocd, gitlab = await tried(logs, 2)
    assert argocd.startswith("error: Argo CD does not know the token: QBOT_ARGOCD__MAIN__TOKEN")
    assert gitlab.startswith("error: GitLab refuses the token in QBOT_GITLAB__TOKEN (401)")
    assert "restart Qbot" in argocd
    assert "-wrong" not in str(logs)


async def test_who_serves_with_a_refused_token_does_not_call_all_well(
    shared: World, tmp_path: Path
) -> None:
    env = {**elsewhere(tmp_path), "QBOT_GITLAB__TOKEN": "glpat-wrong"}
    log = tmp_path / "serve.log"
    program = await Program.start(log, "serve", "--env-file", str(shared.env_file), env=env)
    said = await program.line("qbot: ready")
    await program.stop()
    assert said == ", but QBOT_GITLAB__*: refused (the log says what to do)"


async def test_a_neighbour_that_is_away_at_the_start_is_told(shared: World, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    away = {"QBOT_ARGOCD__MAIN__URL": nowhere, "QBOT_GITLAB__URL": nowhere}
    with capture_logs() as logs:
        async with begun(shared, tmp_path, **away):
            argocd, gitlab = await tried(logs, 2)
    told = "warning: Argo CD could not tell whose the token is: All connection attempts failed"
    assert argocd.startswith(told)
    assert "check QBOT_ARGOCD__MAIN__URL" in argocd
    assert "check QBOT_GITLAB__URL" in gitlab


async def test_a_neighbour_that_hangs_delays_no_start_and_no_stop(
    shared: World, tmp_path: Path
) -> None:
    match = "GET /api/v1/session/userinfo"
    await shared.drive.post("fault", vendor="argocd", match=match, kind="hang", times=1)
    began = time.monotonic()
    async with begun(shared, tmp_path) as settings, httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"http://{settings.admin_listen}/readyz")).status_code == 200
    assert time.monotonic() - began < 5


class Broken:
    """A gateway with a bug."""

    async def check_token(self) -> None:
        raise KeyError("scopes")


async def test_a_bug_in_trying_a_neighbour_is_told_and_keeps_nobody_from_the_others() -> None:
    broken: Any = Broken()

    async def both() -> bool:
        return len(logs) == 2

    with capture_logs() as logs:
        async with AsyncExitStack() as stack:
            try_tokens(Neighbours({"main": broken}, broken), stack)
            await until(both, what="both to be told")
    assert {e["event"] for e in logs} == {"a neighbour could not be tried"}
    assert {e["settings"] for e in logs} == {"QBOT_GITLAB__*", "QBOT_ARGOCD__MAIN__*"}
    assert all(isinstance(e["exc_info"], KeyError) for e in logs)


async def test_a_scope_that_slack_does_not_grant_is_told_with_what_is_lost(
    shared: World, tmp_path: Path
) -> None:
    scopes = DEFAULT_SCOPES - {"channels:history", "im:history"}
    async with stage(scopes=scopes) as other, AsyncExitStack() as stack:
        slack = {
            "QBOT_SLACK__API_URL": f"{other.kernel.url}/slack/api/",
            "QBOT_SLACK__BOT_TOKEN": other.slack.bot_token,
        }
        settings = load({**elsewhere(tmp_path), **slack}, env_file=shared.env_file)
        catalog = load_catalog(settings.config, instances=settings.argocd)
        with capture_logs() as logs:
            wrong = await _start(settings, catalog, stack)
    assert "QBOT_SLACK__BOT_TOKEN lacks channels:history, im:history" in wrong
    told = {e["scope"]: e["lost"] for e in logs if e["event"] == "the slack app lacks a scope"}
    assert told == {scope: LOST[scope] for scope in ("channels:history", "im:history")}
    assert "twice, in public channels" in told["channels:history"]


async def test_scopes_that_slack_does_not_tell_are_not_called_missing() -> None:
    assert not missing_scopes(frozenset())
    assert not missing_scopes(DEFAULT_SCOPES | {"reactions:write"})


async def test_what_neighbours_take_is_not_told(shared: World, tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with begun(shared, tmp_path):

            async def both() -> bool:
                argocd = await shared.drive.calls("argocd", "userinfo")
                gitlab = await shared.drive.calls("gitlab", "personal_access_tokens/self")
                return bool(argocd and gitlab)

            await until(both, what="both tokens to be tried")
    assert not [e for e in logs if "neighbour" in e["event"] or "scope" in e["event"]]


async def test_waiting_for_slack_can_be_stopped(shared: World, tmp_path: Path) -> None:
    away = {"QBOT_SLACK__API_URL": f"http://127.0.0.1:{free_port()}/api"}
    log = tmp_path / "waiting.log"
    arguments, own = ("serve", "--env-file", str(shared.env_file)), elsewhere(tmp_path)
    program = await Program.start(log, *arguments, env=own | away)

    async def waits() -> bool:
        return "slack does not answer yet" in log.read_text()

    await until(waits, what="Qbot to wait for Slack")
    async with httpx.AsyncClient(trust_env=False) as http:
        alive = await http.get(f"http://{own['QBOT_ADMIN_LISTEN']}/healthz")
        ready = await http.get(f"http://{own['QBOT_ADMIN_LISTEN']}/readyz")
    assert (alive.status_code, ready.status_code) == (200, 503)
    checks = ready.json()["checks"]
    assert checks.pop("database") == "ok"
    assert checks.pop("start").startswith("starting: slack (2 of 5): Slack cannot be reached (")
    assert not checks
    began = time.monotonic()
    program.signal(signal.SIGINT)
    assert await program.stop(seconds=5) == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in log.read_text()


async def test_a_database_that_is_away_at_the_start_is_waited_for(
    shared: World, tmp_path: Path
) -> None:
    own = elsewhere(tmp_path)
    away = {"QBOT_DATABASE_URL": f"postgresql://qbot:hunter2@127.0.0.1:{free_port()}/qbot"}
    log = tmp_path / "waiting.log"
    arguments = ("serve", "--env-file", str(shared.env_file))
    program = await Program.start(log, *arguments, env=own | away)

    async def waits() -> bool:
        return "the database does not answer yet" in log.read_text()

    await until(waits, what="Qbot to wait for its database")
    async with httpx.AsyncClient(trust_env=False) as http:
        ready = await http.get(f"http://{own['QBOT_ADMIN_LISTEN']}/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["start"] == "starting: database (1 of 5)"
    assert "does not answer" in ready.json()["checks"]["database"]
    assert await program.stop(seconds=10) == 0
    assert "hunter2" not in log.read_text()
