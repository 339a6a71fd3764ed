"""Start and stop over real processes: in order, within seconds, and with a sentence for a fault."""

import asyncio
import re
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from qbot.domain.names import BranchName, env_name
from qbot.settings import all_secrets, load
from tests.world import Program, World, free_port, until, world

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
    async with asyncio.timeout(20):
        assert await program._process.wait() == 2
    said = log.read_text()
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("qbot: ")]
    return line


async def test_work_is_given_back_at_a_stop_finished_after_it_and_no_secret_is_logged(
    shared: World,
) -> None:
    drive = shared.drive
    first = await shared.serve()
    told = await refused(shared, shared.folder)
    assert f"another Qbot (process {first.pid}) uses the database" in told
    assert "set QBOT_DATABASE_URL to a PostgreSQL" in told

    cart = f"{env_name(BranchName('feat/stop'), prefix='qbot')}-cart"
    await drive.post("push", project="shop/cart", branch="feat/stop")
    await drive.post("app", name=cart, health="Progressing")
    await drive.env("help create")
    await drive.env("create feat/stop")
    await drive.card("feat/stop", "Creating")
    began = time.monotonic()
    assert await first.stop(seconds=10) == 0
    assert time.monotonic() - began < 10
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


WRONG = {
    "QBOT_SLACK__BOT_TOKEN": "QBOT_SLACK__BOT_TOKEN: Slack refuses the token (auth.test",
    "QBOT_SLACK__APP_TOKEN": "QBOT_SLACK__APP_TOKEN: Slack refuses the token (apps.conn",
    "QBOT_SLACK__TEAM_ID": "QBOT_SLACK__TEAM_ID is xapp-wrong, but",
    "QBOT_DATABASE_URL": "QBOT_DATABASE_URL must be",
}


async def test_what_is_wrong_at_the_start_ends_with_one_sentence(
    shared: World, tmp_path: Path
) -> None:
    async def told(setting: str, value: str) -> str:
        folder = tmp_path / setting
        folder.mkdir()
        return await refused(shared, folder, **{**elsewhere(folder), setting: value})

    taken = shared.drive.url.removeprefix("http://")
    *wrong, busy = await asyncio.gather(
        *(told(setting, "xapp-wrong") for setting in WRONG), told("QBOT_ADMIN_LISTEN", taken)
    )
    for says, line in zip(WRONG.values(), wrong, strict=True):
        assert line.startswith(f"qbot: {says}")
        assert ".." not in line
    assert busy.startswith(f"qbot: QBOT_ADMIN_LISTEN: cannot listen on {taken}: ")


async def test_a_slack_that_is_away_at_the_start_is_waited_for(
    shared: World, tmp_path: Path
) -> None:
    await shared.drive.post("fault", vendor="slack", match="auth.test", kind="503", times=1)
    own = elsewhere(tmp_path)
    program = await shared.serve(**own)
    assert "slack does not answer yet" in program.log.read_text()
    async with httpx.AsyncClient(trust_env=False) as http:
        ready = await http.get(f"http://{own['QBOT_ADMIN_LISTEN']}/readyz")
    assert ready.json() == {"ready": True, "checks": {"database": "ok"}}
    assert await program.stop() == 0


async def test_waiting_for_slack_can_be_stopped(shared: World, tmp_path: Path) -> None:
    await shared.drive.post("fault", vendor="slack", match="auth.test", kind="503", times=99)
    log = tmp_path / "waiting.log"
    arguments = ("serve", "--env-file", str(shared.env_file))
    program = await Program.start(log, *arguments, env=elsewhere(tmp_path))

    async def waits() -> bool:
        return "slack does not answer yet" in log.read_text()

    await until(waits, what="Qbot to wait for Slack")
    began = time.monotonic()
    program.signal(signal.SIGINT)
    assert await program.stop(seconds=5) == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in log.read_text()
