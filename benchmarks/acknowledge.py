"""How fast a signed slash command is acknowledged, against a bare Bolt app; and how soon after
the acknowledgement the first request reaches Argo CD.

Both apps are processes of their own, driven by the same signed requests at the same pace, in
turns within one run.
"""

import asyncio
import hashlib
import hmac
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck

from qbot.sandbox.demo import free_port
from tests.world import World, buttons, until, world

PACE = 50  # commands a second
SECONDS = 8
SECRET = "bare-secret"


def bare(port: int) -> None:
    """A Bolt app with an empty handler, served by aiohttp as Qbot is."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None, team_id="T1", bot_user_id="U1", bot_token="xoxb-1"
        )

    bolt = AsyncApp(signing_secret=SECRET, authorize=authorize)

    @bolt.command("/env")
    async def empty(ack: AsyncAck) -> None:
        await ack()

    async def receive(request: web.Request) -> web.Response:
        found = await bolt.async_dispatch(await to_bolt_request(request))
        return await to_aiohttp_response(found)

    app = web.Application()
    app.add_routes([web.post("/slack/events", receive)])
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


def settings(env_file: Path) -> dict[str, str]:
    lines = env_file.read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {k: v.strip("\"'") for k, v in pairs}


def form(team: str, user: str, channel: str, text: str, number: int) -> bytes:
    fields = {
        "team_id": team, "team_domain": "shop", "channel_id": channel, "channel_name": "general",
        "user_id": user, "user_name": "ana", "command": "/env", "text": text,
        "api_app_id": "A1", "is_enterprise_install": "false", "token": "t",
        "response_url": "http://127.0.0.1:1/none", "trigger_id": f"{time.time_ns()}.{number}",
    }  # fmt: skip
    return urlencode(fields).encode()


async def pace(url: str, secret: str, bodies: list[bytes]) -> list[float]:
    """Milliseconds to each acknowledgement, sent at a steady pace whatever the answers do."""

    async def one(session: aiohttp.ClientSession, body: bytes, at: float) -> float:
        await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
        stamp = str(int(time.time()))
        mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
        headers = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={mac.hexdigest()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        began = time.perf_counter()
        async with session.post(url, data=body, headers=headers) as reply:
            assert reply.status == 200, reply.status
            await reply.read()
        return (time.perf_counter() - began) * 1000

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        start = asyncio.get_running_loop().time() + 0.2
        return await asyncio.gather(
            *(one(session, b, start + i / PACE) for i, b in enumerate(bodies))
        )


def line(name: str, times: list[float]) -> str:
    ordered = sorted(times)
    p99 = ordered[int(len(ordered) * 0.99) - 1]
    return f"  {name:<34} p50 {statistics.median(ordered):6.2f} ms   p99 {p99:6.2f} ms"


def p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99) - 1]


@asynccontextmanager
async def bare_app() -> AsyncIterator[str]:
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=bare, args=(port,), daemon=True)
    process.start()
    url = f"http://127.0.0.1:{port}/slack/events"

    async def up() -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.post(url):
                return True
        except aiohttp.ClientError:
            return False

    try:
        await until(up, what="the bare app")
        yield url
    finally:
        process.terminate()
        process.join()


async def compare(made: World) -> None:
    env = settings(made.env_file)
    url = f"http://{env['QBOT_LISTEN']}/slack/events"
    secret, team = env["QBOT_SLACK__SIGNING_SECRET"], env["QBOT_SLACK__TEAM_ID"]
    users = (await made.drive.get("users"))["users"]
    ana = next(u["id"] for u in users if u["name"] == "ana")
    channels = (await made.drive.get("channels", **{"as": "ana"}))["channels"]
    general = next(c["id"] for c in channels if c["name"] == "general")

    def many(text: str, count: int) -> list[bytes]:
        return [form(team, ana, general, text, n) for n in range(count)]

    count = PACE * SECONDS
    async with bare_app() as bare_url:
        bare_body = [form("T1", "U9", "C9", "list", n) for n in range(count)]
        await pace(bare_url, SECRET, bare_body[:50])
        await pace(url, secret, many("list", 50))
        plain = await pace(bare_url, SECRET, bare_body)
        listed = await pace(url, secret, many("list", count))
        again = await pace(bare_url, SECRET, bare_body)
        # Last: what they preview goes on for a while, and takes its share of the machine.
        wish = "create feat/checkout --services cart --dry-run"
        queued = await pace(url, secret, many(wish, count))
    floor = max(p99(plain), p99(again))
    print(line("bare Bolt app, before", plain))
    print(line("bare Bolt app, after", again))
    print(line("Qbot, /env list", listed))
    print(line("Qbot, an operation written down", queued))
    print(f"  p99 of list / bare: {p99(listed) / floor:.2f}   of an operation / bare: "
          f"{p99(queued) / floor:.2f}   (goal 1.5)")  # fmt: skip


async def first_request(made: World, rounds: int = 20) -> None:
    """From the typed command to Argo CD's first request of it, less the acknowledgement."""
    drive, waits = made.drive, []
    for number in range(rounds):
        branch = f"bench/first-{number}"
        await drive.post("push", project="shop/cart", branch=branch)
        await drive.post("pipeline", project="shop/cart", ref=branch, status="success")
        since = time.time()
        answer = await drive.post(
            "slash", user=("ana", "ben")[number % 2], channel="general",
            text=f"create {branch} --services cart",
        )  # fmt: skip

        async def asked(since: float = since) -> float | None:
            calls = await drive.calls("argocd", "POST /api/v1/projects", since)
            return float(calls[0]["at"]) if calls else None

        at = await until(asked, what="the first request to Argo CD")
        waits.append((at - since) * 1000 - float(answer["ack_ms"]))
        await drive.card(branch, "Ready")
        question = await drive.post("slash", user="ana", channel="general", text=f"delete {branch}")
        message = next(r for r in question["replies"] if "Keep" in buttons(r))
        await drive.click(message, buttons(message)["Delete"]["action_id"])
    print(line("command to first Argo CD write", waits) + "   (goal p99 100 ms above the ack)")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), speed=200.0) as made:
            await made.serve()
            await first_request(made)
            await compare(made)  # last: its previews use up what GitLab grants in a minute


if __name__ == "__main__":
    asyncio.run(main())
