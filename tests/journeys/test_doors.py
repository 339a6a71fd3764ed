"""Socket Mode and HTTP mode give the same answers; what Slack did not sign gets none."""

import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from qbot.domain.names import BranchName, env_name
from qbot.sandbox.clock import SandboxClock
from qbot.settings import Settings, secret
from qbot.settings.loading import load
from tests.world import HASTE, Drive, World, buttons, until, world

pytestmark = pytest.mark.asyncio(loop_scope="session")
TEAM, ANA, GENERAL = "T05SHOP7QX2", "U05ANA4K2M1", "C05GENERAL1"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def by_socket(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A pair in Socket Mode."""
    async with world(tmp_path_factory.mktemp("socket"), mode="socket", haste=HASTE) as made:
        await made.serve()
        yield made


def settings_of(shared: World) -> Settings:
    return load({}, env_file=shared.env_file)


async def metrics(shared: World) -> str:
    """What Prometheus would be told."""
    address = settings_of(shared).admin_listen
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://{address}/metrics")).text


async def counted(shared: World, rule: str) -> float:
    """How many requests Qbot has turned away by a rule."""
    text = await metrics(shared)
    found = re.search(rf'qbot_slack_requests_refused_total{{rule="{rule}"}} ([\d.]+)', text)
    return float(found[1]) if found else 0


def command(text: str, trigger: str) -> bytes:
    form = {
        "command": "/env", "text": text, "team_id": TEAM, "user_id": ANA, "channel_id": GENERAL,
        "trigger_id": trigger, "response_url": "",
    }  # fmt: skip
    return urlencode(form).encode()


def signed(shared: World, body: bytes, *, age: float = 0, forged: bool = False) -> dict[str, str]:
    """Headers as Slack sends them."""
    key = "forged" if forged else secret(settings_of(shared).slack.signing_secret)
    stamp = str(int(SandboxClock().time() - age))
    base = b"v0:" + stamp.encode() + b":" + body
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": "v0=" + hmac.new(key.encode(), base, hashlib.sha256).hexdigest(),
        "Content-Type": "application/x-www-form-urlencoded",
    }


async def post(shared: World, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        url = f"http://{settings_of(shared).listen}/slack/events"
        return await http.post(url, content=body, headers=headers)


def needs_http(shared: World) -> None:
    if settings_of(shared).socket_mode:
        pytest.skip("nothing listens for Slack in Socket Mode")


@pytest.mark.incident("missing-proof")
async def test_forged_and_old_requests_are_turned_away_and_counted(shared: World) -> None:
    needs_http(shared)
    body = command("create feat/forged", "forged-1")
    before = await counted(shared, "signature")
    for headers in (signed(shared, body, forged=True), signed(shared, body, age=301), {}):
        assert (await post(shared, body, headers)).status_code == 401
    assert await counted(shared, "signature") == before + 3
    assert "feat/forged" not in await shared.drive.env("list --all")


@pytest.mark.incident("doubled-work")
@pytest.mark.parametrize("text", ["help", "create feat/replayed --dry-run"])
async def test_a_captured_request_is_worth_nothing_a_second_time(shared: World, text: str) -> None:
    needs_http(shared)
    body = command(text, f"captured-{len(text)}")
    headers = signed(shared, body)
    before = await counted(shared, "repeated")
    assert (await post(shared, body, headers)).status_code == 200
    again = await post(shared, body, headers)
    assert (again.status_code, again.text) == (200, "")
    assert await counted(shared, "repeated") == before + 1


async def test_in_socket_mode_links_are_served_and_nothing_that_slack_would_ask(
    by_socket: World,
) -> None:
    body = command("create feat/forged", "socket-1")
    assert (await post(by_socket, body, signed(by_socket, body, forged=True))).status_code == 404
    assert (await post(by_socket, b"", {})).status_code == 404
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        root = f"http://{settings_of(by_socket).listen}"
        statuses = {
            path: (await http.get(root + path)).status_code
            for path in ("/", "/slack", "/slack/events", "/healthz", "/metrics", "/link/forged")
        }
    assert statuses.pop("/link/forged") == 400
    assert set(statuses.values()) == {404}


async def test_everything_that_is_counted_is_told(shared: World) -> None:
    """By then the three vendors have been asked whose the tokens are, and the cards are led."""
    vendor = 'qbot_vendor_call_duration_seconds_count{status="2xx",vendor="%s"} [1-9]'
    wanted = [
        *(vendor % name for name in ("argocd", "gitlab", "slack")),
        "qbot_database_transaction_duration_seconds_count [1-9]",
        "qbot_database_up 1.0",
        "qbot_cards_leading 1.0",
        'qbot_slack_budget_per_minute{method="chat.update"} [1-9]',
        'qbot_environments{phase="ready"} [0-9]',
        'qbot_operations_ended_total{kind="create",outcome="succeeded"} [0-9]',
    ]

    async def told() -> bool:
        text = await metrics(shared)
        return all(re.search(f"^{line}", text, re.MULTILINE) for line in wanted)

    await until(told, what="all that is counted")


async def test_answers_in_http_mode(shared: World) -> None:
    await same_answers(shared.drive)


async def test_answers_in_socket_mode(by_socket: World) -> None:
    await same_answers(by_socket.drive)


async def same_answers(drive: Drive) -> None:
    """What people see does not depend on how Slack reaches Qbot."""
    assert "/env create" in await drive.env("help")
    assert "No environment matches `feat/doors`" in await drive.env("list feat/doors")
    assert "There is no environment for `feat/doors`" in await drive.env("show feat/doors")
    await drive.post("push", project="shop/cart", branch="feat/doors")
    await drive.post("pipeline", project="shop/cart", ref="feat/doors", status="success")
    await drive.env("create feat/doors")
    await drive.card("feat/doors", "Ready")
    assert "exists already and is ready" in await drive.env("create feat/doors")
    assert "feat/doors* ready" in await drive.env("list feat/doors")
    name = env_name(BranchName("feat/doors"), prefix="qbot")
    assert name in await drive.env("show feat/doors")
    question = await drive.asked("delete feat/doors", "Delete")
    assert name in question["text"]
    await drive.click(question, buttons(question)["Delete"]["action_id"])
    await drive.card("feat/doors", "Deleted")
    assert question["ts"] not in {m["ts"] for m in await drive.messages()}
    assert "has been deleted" in await drive.env("show feat/doors")
