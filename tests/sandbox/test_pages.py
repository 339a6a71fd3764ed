"""Pages of the stand-ins: where a person comes to who follows a link out of Slack."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio

from qbot.sandbox.server import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")
TITLE = "<b>A & B</b>"


class Visitor:
    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.session = sandbox, session

    async def sees(self, path: str, status: int = 200) -> str:
        """The text of a page."""
        async with self.session.get(path) as response:
            text = await response.text()
            assert (response.status, response.content_type) == (status, "text/html"), text
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            return text

    async def drive(self, call: str, **body: Any) -> Any:
        async with self.session.post(f"/drive/{call}", json=body) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer

    async def api(self, method: str, path: str, **body: Any) -> Any:
        headers = {"PRIVATE-TOKEN": self.sandbox.gitlab.token}
        url = f"/gitlab/api/v4{path}"
        async with self.session.request(method, url, json=body or None, headers=headers) as answer:
            return await answer.json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visitor() -> AsyncIterator[Visitor]:
    sandbox = Sandbox(services=3, speed=50)
    await sandbox.start()
    async with aiohttp.ClientSession(sandbox.url) as session:
        yield Visitor(sandbox, session)
    await sandbox.stop()


async def test_a_commit_its_pipeline_and_its_jobs_lead_to_each_other(visitor: Visitor) -> None:
    pushed = await visitor.drive(
        "push", project="shop/cart", branch="feat/look", files={"a.txt": "<one>\n"}
    )
    sha = pushed["sha"]
    commit = await visitor.sees(f"/gitlab/shop/cart/-/commit/{sha}")
    assert 'class="added">+&lt;one&gt;' in commit
    (pipeline,) = await visitor.api("GET", f"/projects/shop%2Fcart/pipelines?sha={sha}")
    assert pipeline["web_url"] in commit
    shown = await visitor.sees(pipeline["web_url"].removeprefix(visitor.sandbox.url))
    jobs = await visitor.api("GET", f"/projects/shop%2Fcart/pipelines/{pipeline['id']}/jobs")
    assert jobs
    assert jobs[0]["web_url"] in shown
    job = await visitor.sees(jobs[0]["web_url"].removeprefix(visitor.sandbox.url))
    assert pipeline["web_url"] in job
    assert "feat/look" in shown


async def test_a_merge_request_shows_its_difference_and_escapes_what_people_wrote(
    visitor: Visitor,
) -> None:
    await visitor.drive("push", project="shop/cart", branch="feat/mr", files={"b.txt": "two\n"})
    made = await visitor.api(
        "POST", "/projects/shop%2Fcart/merge_requests",
        source_branch="feat/mr", target_branch="main", title=TITLE, description="<i>why</i>",
    )  # fmt: skip
    path = made["web_url"].removeprefix(visitor.sandbox.url)
    for tab in ("", "/diffs"):
        shown = await visitor.sees(path + tab)
        assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in shown
        assert "&lt;i&gt;why&lt;/i&gt;" in shown
        assert ">+two" in shown
        assert TITLE not in shown


async def test_a_comparison_and_a_branch_show_commits(visitor: Visitor) -> None:
    await visitor.drive("push", project="shop/cart", branch="feat/x/y", files={"c.txt": "three\n"})
    compared = await visitor.api(
        "GET", "/projects/shop%2Fcart/repository/compare?from=main&to=feat%2Fx%2Fy"
    )
    for path in (
        compared["web_url"].removeprefix(visitor.sandbox.url),
        f"/gitlab/shop/cart/-/compare/main...{quote('feat/x/y', safe='')}",
    ):
        assert ">+three" in await visitor.sees(path)
    assert "<table>" in await visitor.sees("/gitlab/shop/cart/-/tree/feat/x/y")


async def test_argo_cd_lists_the_applications_of_a_project_and_the_shop_its_services(
    visitor: Visitor,
) -> None:
    apps = (await (await visitor.session.get("/drive/state")).json())["applications"]
    app = apps[0]
    listed = await visitor.sees(f"/argocd/applications?proj={app['project']}")
    assert f'href="/argocd/applications/{app["name"]}"' in listed
    assert {a["name"] in listed for a in apps if a["project"] != app["project"]} == {False}
    everything = await visitor.sees("/argocd/applications")
    assert all(a["name"] in everything for a in apps)
    assert app["name"] in await visitor.sees(f"/argocd/applications/argocd/{app['name']}")
    shop = await visitor.sees(f"/shop/{app['project']}")
    assert "services answer" in shop
    assert f"/argocd/applications?proj={app['project']}" in shop


@pytest.mark.parametrize(
    "path",
    [
        "/gitlab/shop/none/-/commit/abc1234",
        "/gitlab/shop/cart/-/commit/abc1234",
        "/gitlab/shop/cart/-/pipelines/1",
        "/gitlab/shop/cart/-/jobs/1",
        "/gitlab/shop/cart/-/merge_requests/99",
        "/gitlab/shop/cart/-/compare/main...none",
        "/gitlab/shop/cart/-/tree/none",
        "/argocd/applications/none",
        "/shop/%3Cb%3E",
    ],
)
async def test_what_is_not_there_is_said_in_a_sentence(visitor: Visitor, path: str) -> None:
    text = await visitor.sees(path, status=404)
    assert "There is no" in text
    assert "<b>" not in text


async def test_pages_are_no_api_and_leave_no_trace_in_the_record(visitor: Visitor) -> None:
    before = (await (await visitor.session.get("/drive/calls")).json())["calls"]
    await asyncio.gather(
        visitor.sees("/argocd/applications"), visitor.sees("/gitlab/shop/cart/-/tree/main")
    )
    assert (await (await visitor.session.get("/drive/calls")).json())["calls"] == before
    for path in (
        "/gitlab/shop/cart",
        "/gitlab/shop/cart/-/issues/1",
        "/gitlab/api/v4/x/-/tree/a",
    ):
        async with visitor.session.get(path) as response:
            assert response.status in (404, 501)
            assert response.content_type == "application/json"
    async with visitor.session.post("/gitlab/shop/cart/-/tree/main") as response:
        assert response.status == 501
