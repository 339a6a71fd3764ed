"""One port for three vendors, the drive calls that belong to none of them, and the env file."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from ruamel.yaml import YAML

from qbot.catalog import load_catalog
from qbot.sandbox import http
from qbot.sandbox.clock import SandboxClock
from qbot.sandbox.drive import Drive
from qbot.sandbox.host import Host
from qbot.sandbox.kernel import Kernel
from qbot.sandbox.server import Sandbox
from qbot.settings.loading import load


class Wording:
    def error(self, status: int) -> web.Response:
        return web.json_response({"sorry": status}, status=status)


class Plain:
    """A vendor that says hello and counts how often it was started, stopped and reset."""

    def __init__(self, kernel: Kernel, name: str, people: tuple[str, ...] = ()) -> None:
        self.kernel, self.name, self.people = kernel, name, people
        self.members: set[str] = set()
        self.log: list[str] = []

    def app(self) -> web.Application:
        async def hello(_: web.Request) -> web.Response:
            return web.json_response({"vendor": self.name, "root": self.kernel.url})

        between = http.middleware(self.kernel, self.name, f"/{self.name}", Wording())
        app = web.Application(middlewares=[between])
        app.router.add_get("/hello", hello)
        return app

    def drive_routes(self) -> list[web.RouteDef]:
        return []

    def set_member(self, group: str, user: str, *, present: bool) -> None:
        if user not in self.people:
            raise ValueError(f"{self.name} knows no {user}")
        (self.members.add if present else self.members.discard)(user)

    def state(self) -> dict[str, Any]:
        return {f"{self.name}_things": sorted(self.members)}

    async def start(self) -> None:
        self.log.append(f"started at {self.kernel.url}")

    async def stop(self) -> None:
        self.log.append("stopped")

    async def reset(self) -> None:
        self.log.append("reset")


class App:
    """Remembers what was asked of it, and how often the vendors had been reset by then."""

    def __init__(self, vendor: Plain) -> None:
        self.vendor = vendor
        self.log: list[tuple[str, int]] = []

    async def forget(self) -> None:
        self.log.append(("forget", self.vendor.log.count("reset")))

    async def start(self) -> None:
        self.log.append(("start", self.vendor.log.count("reset")))


class World:
    def __init__(self) -> None:
        self.kernel = Kernel(clock=SandboxClock())
        self.slack = Plain(self.kernel, "slack", ("ana", "ben"))
        self.gitlab = Plain(self.kernel, "gitlab", ("ana",))
        self.argocd = Plain(self.kernel, "argocd")
        standins = {"slack": self.slack, "gitlab": self.gitlab, "argocd": self.argocd}
        self.app = App(self.argocd)
        drive = Drive(self.kernel, standins, [self.slack, self.gitlab], self.app)
        self.host = Host(self.kernel, standins, drive.routes())


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.host.start("127.0.0.1", 0)
    yield made
    await made.host.stop()


@pytest.fixture
async def client(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(world.kernel.url) as session:
        yield session


async def get(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as response:
        return await response.json()


async def post(client: aiohttp.ClientSession, path: str, body: Any) -> tuple[int, Any]:
    async with client.post(path, json=body) as response:
        return response.status, await response.json()


async def test_each_vendor_answers_below_its_name_and_knows_the_address_when_it_starts(
    world: World, client: aiohttp.ClientSession
) -> None:
    url = world.kernel.url
    for standin in (world.slack, world.gitlab, world.argocd):
        assert await get(client, f"/{standin.name}/hello") == {"vendor": standin.name, "root": url}
        assert standin.log == [f"started at {url}"]


async def test_a_taken_port_is_refused_and_leaves_nothing_behind(world: World) -> None:
    second = World()
    with pytest.raises(OSError, match="in use"):
        await second.host.start("127.0.0.1", int(world.kernel.url.rpartition(":")[2]))
    assert second.slack.log == []


async def test_a_fault_hits_the_next_matching_requests_and_then_is_used_up(
    client: aiohttp.ClientSession,
) -> None:
    fault = {"vendor": "gitlab", "match": "GET /hello", "kind": "503", "times": 2}
    assert await post(client, "/drive/fault", fault) == (200, {"ok": True})
    statuses = []
    for _ in range(3):
        async with client.get("/gitlab/hello") as response:
            statuses.append(response.status)
    assert statuses == [503, 503, 200]


async def test_a_fault_of_no_times_calls_off_what_is_left_of_it(
    client: aiohttp.ClientSession,
) -> None:
    fault = {"vendor": "gitlab", "match": "GET /hello", "kind": "503"}
    await post(client, "/drive/fault", fault | {"times": 2})
    async with client.get("/gitlab/hello") as response:
        assert response.status == 503
    assert (await get(client, "/drive/state"))["faults"] == [fault | {"times": 1}]
    assert await post(client, "/drive/fault", fault | {"times": 0}) == (200, {"ok": True})
    assert (await get(client, "/drive/state"))["faults"] == []
    async with client.get("/gitlab/hello") as response:
        assert response.status == 200


async def test_calls_lists_what_reached_a_vendor_since_a_moment(
    world: World, client: aiohttp.ClientSession
) -> None:
    await get(client, "/slack/hello")
    await get(client, "/gitlab/hello?x=1")
    await post(client, "/drive/time", {"advance": 100})
    await get(client, "/argocd/hello")
    paths = [(c["vendor"], c["path"]) for c in (await get(client, "/drive/calls"))["calls"]]
    assert paths == [("slack", "/hello"), ("gitlab", "/hello?x=1"), ("argocd", "/hello")]
    assert len((await get(client, "/drive/calls?vendor=gitlab"))["calls"]) == 1
    since = world.kernel.clock.time() - 50
    assert [c["vendor"] for c in (await get(client, f"/drive/calls?since={since}"))["calls"]] == [
        "argocd"
    ]


async def test_time_moves_forward_and_the_clock_tells_by_how_much(
    client: aiohttp.ClientSession,
) -> None:
    assert (await post(client, "/drive/time", {"advance": 90.5}))[1]["offset"] == 90.5
    assert (await get(client, "/drive/clock"))["offset"] == 90.5
    status, body = await post(client, "/drive/time", {"advance": -1})
    assert (status, body) == (400, {"error": "the clock only moves forward"})


async def test_who_knows_the_time_hears_of_the_next_move_as_soon_as_it_is_made(
    client: aiohttp.ClientSession,
) -> None:
    await post(client, "/drive/time", {"advance": 90.5})
    assert (await get(client, "/drive/clock?known=0.0"))["offset"] == 90.5
    held = asyncio.create_task(get(client, "/drive/clock?known=90.5"))
    done, _ = await asyncio.wait([held], timeout=0.05)
    assert not done
    await post(client, "/drive/time", {"advance": 1})
    assert (await held)["offset"] == 91.5


async def test_state_merges_what_each_vendor_tells(client: aiohttp.ClientSession) -> None:
    assert await get(client, "/drive/state") == {
        "faults": [],
        "reset_restarts_app": True,
        "slack_things": [],
        "gitlab_things": [],
        "argocd_things": [],
    }


async def test_a_member_is_changed_in_every_vendor_that_knows_the_person(
    client: aiohttp.ClientSession,
) -> None:
    assert (await post(client, "/drive/member", {"group": "g", "user": "ana", "in": True}))[
        0
    ] == 200
    assert (await post(client, "/drive/member", {"group": "g", "user": "ben", "in": True}))[
        0
    ] == 200
    state = await get(client, "/drive/state")
    assert (state["slack_things"], state["gitlab_things"]) == (["ana", "ben"], ["ana"])
    status, body = await post(client, "/drive/member", {"group": "g", "user": "zed", "in": True})
    assert (status, body) == (400, {"error": "slack knows no zed; gitlab knows no zed"})


async def test_reset_forgets_everything_but_the_time(
    world: World, client: aiohttp.ClientSession
) -> None:
    await post(client, "/drive/time", {"advance": 60})
    fault = {"vendor": "slack", "match": "hello", "kind": "500", "times": 9}
    await post(client, "/drive/fault", fault)
    world.kernel.calls.refuse("slack", "GET /what")
    assert (await get(client, "/drive/refused")) == {"refused": ["slack: GET /what"]}
    async with client.post("/drive/reset") as response:
        assert response.status == 200
    assert world.argocd.log[-1] == "reset"
    assert world.app.log == [("forget", 0), ("start", 1)], "nothing old reaches the new world"
    assert (await get(client, "/drive/refused")) == {"refused": []}
    assert (await get(client, "/slack/hello"))["vendor"] == "slack"
    assert (await get(client, "/drive/clock"))["offset"] == 60


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("fault", {"vendor": "x", "match": "", "kind": "500", "times": 1}, "vendor must be"),
        ("fault", {"vendor": "slack", "match": "", "kind": "boom", "times": 1}, "kind must be"),
        ("fault", {"vendor": "slack", "match": "", "kind": "500", "times": -1}, "times must not"),
        ("fault", {"vendor": "slack", "match": "", "kind": "500", "times": True}, "a whole number"),
        ("fault", {"vendor": "slack", "kind": "500", "times": 1}, "missing: match"),
        ("time", {"advance": 1, "by": 2}, "unknown: by"),
        ("time", {"advance": "1"}, "advance must be a number"),
        ("time", [], "must be a JSON object"),
        ("reset", {"now": True}, "unknown: now"),
        ("member", {"group": "g", "user": "ana", "in": "yes"}, "in must be true or false"),
    ],
)
async def test_a_bad_drive_request_says_what_is_wrong(
    client: aiohttp.ClientSession, path: str, body: Any, error: str
) -> None:
    status, answer = await post(client, f"/drive/{path}", body)
    assert status == 400
    assert error in answer["error"]


async def test_what_is_no_drive_call_is_refused_as_json(client: aiohttp.ClientSession) -> None:
    assert (await get(client, "/drive/nothing"))["error"] == "Not Found: GET /drive/nothing"
    assert "unknown: a" in (await get(client, "/drive/state?a=1"))["error"]
    async with client.post("/drive/time", data=b"{") as response:
        assert response.status == 400


async def test_pages_of_other_sites_cannot_drive(
    world: World, client: aiohttp.ClientSession
) -> None:
    headers = {"Origin": "https://elsewhere.example"}
    async with client.post("/drive/reset", headers=headers) as response:
        assert response.status == 403
    async with client.post("/drive/reset", headers={"Origin": world.kernel.url}) as own:
        assert own.status == 200


async def test_events_tell_what_changed_until_the_sandbox_stops(world: World) -> None:
    async with aiohttp.request("GET", f"{world.kernel.url}/drive/events") as stream:
        assert await stream.content.readline() == b": open\n"
        world.kernel.feed.publish("message", channel="C1")
        await stream.content.readline()
        line = await stream.content.readline()
        assert json.loads(line.removeprefix(b"data: ")) == {"topic": "message", "channel": "C1"}
        async with asyncio.timeout(1):
            await world.host.stop()
    assert world.slack.log[-1] == "stopped"


async def test_the_page_allows_no_script_from_elsewhere(client: aiohttp.ClientSession) -> None:
    async with client.get("/") as response:
        assert response.status == 200
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy
    async with client.get("/page/../server.py") as response:
        assert response.status == 404


async def test_a_browser_finds_the_icon_where_it_looks_unasked(
    client: aiohttp.ClientSession,
) -> None:
    async with client.get("/favicon.ico") as response:
        assert response.status == 200
        assert response.content_type == "image/svg+xml"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_the_env_file_and_qbot_yaml_are_what_serve_accepts(mode: Any, tmp_path: Path) -> None:
    sandbox = Sandbox(mode=mode, services=3, qbot_url="http://127.0.0.1:9000")
    await sandbox.start()
    try:
        path = tmp_path / "a folder" / "qbot.env"
        path.parent.mkdir()
        sandbox.write_env_file(path)
        sandbox.write_env_file(path)  # again: a second start finds the file of the first
    finally:
        await sandbox.stop()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    settings = load({}, env_file=path)
    assert settings.socket_mode == (mode == "socket")
    assert settings.gitlab.url == f"{sandbox.url}/gitlab"
    assert settings.argocd["main"].url == f"{sandbox.url}/argocd"
    assert settings.gitlab.webhook_secret is not None
    assert settings.gitlab.webhook_secret.get_secret_value() == sandbox.gitlab.hook_secret
    assert (settings.linking, settings.public_url) == (True, "http://127.0.0.1:9000")
    assert (settings.listen, settings.admin_listen) == ("127.0.0.1:9000", "127.0.0.1:9001")
    catalog = load_catalog(settings.config, instances=settings.argocd)
    assert [service.project for service in catalog.services] == [
        "shop/frontend",
        "shop/cart",
        "shop/catalog",
    ]
    assert YAML(typ="safe").load(settings.config)["environments"]["base"]["path"] == "base"


@pytest.mark.parametrize("hooks", [True, False])
async def test_a_sandbox_has_webhooks_to_qbot_or_none(*, hooks: bool) -> None:
    sandbox = Sandbox(services=1, qbot_url="http://127.0.0.1:9", hooks=hooks)
    await sandbox.start()
    try:
        state = sandbox.gitlab.state()
        told = {hook["of"] for hook in state["hooks"]}
        assert told == (set(state["branches"]) if hooks else set())
        assert {hook["url"] for hook in state["hooks"]} <= {"http://127.0.0.1:9/webhooks/gitlab"}
    finally:
        await sandbox.stop()


async def test_the_whole_sandbox_drives_all_three_vendors() -> None:
    sandbox = Sandbox(services=2)
    await sandbox.start()
    try:
        async with aiohttp.ClientSession(sandbox.url) as client:
            await post(client, "/drive/push", {"project": "shop/cart", "branch": "feat/x"})
            member = {"group": "release-managers", "user": "ana", "in": True}
            assert await post(client, "/drive/member", member) == (200, {"ok": True})
            state = await get(client, "/drive/state")
            assert "feat/x" in state["branches"]["shop/cart"]
            assert {"messages", "merge_requests", "applications", "projects", "namespaces"} <= set(
                state
            )
            assert (await post(client, "/drive/reset", {}))[0] == 200
            state = await get(client, "/drive/state")
            assert "feat/x" not in state["branches"]["shop/cart"]
    finally:
        await sandbox.stop()
