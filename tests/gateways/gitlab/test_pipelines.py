"""How a commit stands, and which commit of a default branch is green."""

import pytest
from aiohttp import web

from qbot.domain.services import Build
from qbot.errors import PermanentError
from tests.clocks import HandClock
from tests.gateways.gitlab.replies import CART, SHA, answering, json_reply, pipeline_json, service

STATUSES = {
    "created": Build.RUNNING,
    "waiting_for_resource": Build.RUNNING,
    "preparing": Build.RUNNING,
    "pending": Build.RUNNING,
    "running": Build.RUNNING,
    "canceling": Build.RUNNING,
    "scheduled": Build.RUNNING,
    "success": Build.PASSED,
    "skipped": Build.PASSED,
    "manual": Build.PASSED,
    "failed": Build.FAILED,
    "canceled": Build.FAILED,
    "a_word_of_tomorrow": Build.RUNNING,
}


@pytest.mark.parametrize(("status", "build"), STATUSES.items())
async def test_the_newest_pipeline_decides_how_a_commit_stands(status: str, build: Build) -> None:
    newest = pipeline_json(9, status)
    async with answering(json_reply([newest])) as (asked, gitlab):
        assert await gitlab.builds([(CART, SHA)]) == {(CART, SHA): (build, newest["web_url"])}
    query = "order_by=id&sort=desc&sha=" + SHA + "&per_page=1"
    assert asked.asked == [f"/projects/shop%2Fcart/pipelines?{query}"]


async def test_a_default_branch_waiting_for_a_click_is_green_and_a_skipped_commit_is_not() -> None:
    listed = [
        pipeline_json(9, "running", "9" * 40),
        pipeline_json(8, "skipped", "8" * 40),
        pipeline_json(7, "failed", "7" * 40),
        pipeline_json(6, "manual", "6" * 40),
        pipeline_json(5, "success", "5" * 40),
    ]
    cart = service("cart")
    async with answering(json_reply(listed)) as (asked, gitlab):
        plan = (await gitlab.defaults([cart]))[cart.name]
    assert (plan.sha, plan.build) == ("6" * 40, Build.PASSED)
    assert len(asked.asked) == 1


@pytest.mark.parametrize("older", [True, False], ids=["long-ago", "never"])
async def test_below_twenty_red_pipelines_gitlab_searches_for_a_green_one(older: bool) -> None:
    async def reply(request: web.Request) -> web.Response:
        if request.query.get("status") == "success":
            return web.json_response([pipeline_json(1, "success", "1" * 40)] if older else [])
        red = [pipeline_json(n, "failed", "f" * 40) for n in range(40, 20, -1)]
        return web.json_response(red)

    cart = service("cart")
    async with answering(reply) as (asked, gitlab):
        plan = (await gitlab.defaults([cart]))[cart.name]
    expected = ("1" * 40, Build.PASSED) if older else ("f" * 40, Build.FAILED)
    assert (plan.sha, plan.build) == expected
    assert len(asked.asked) == 2


async def test_green_commits_are_repeated_for_half_a_minute() -> None:
    clock, cart = HandClock(), service("cart")
    other = service("cart-worker", "shop/cart")  # two services of one project
    async with answering(json_reply([pipeline_json(1, "success")]), clock=clock) as (asked, gitlab):
        assert len(await gitlab.defaults([cart, other])) == 2
        clock.advance(29)
        await gitlab.defaults([cart])
        assert len(asked.asked) == 1
        clock.advance(1)
        await gitlab.defaults([cart])
        assert len(asked.asked) == 2


@pytest.mark.parametrize(
    ("project", "builds"),
    [
        ({"id": 1, "builds_access_level": "disabled"}, True),
        ({"id": 1, "jobs_enabled": False}, True),
        ({"id": 1, "builds_access_level": "private", "jobs_enabled": True}, False),
    ],
)
async def test_a_403_for_pipelines_means_no_ci_only_where_the_project_says_so(
    project: dict[str, object], builds: bool
) -> None:
    async def reply(request: web.Request) -> web.Response:
        if request.path.endswith("/pipelines"):
            return web.json_response({"message": "403 Forbidden"}, status=403)
        return web.json_response(project)

    async with answering(reply) as (_, gitlab):
        if builds:
            assert (await gitlab.builds([(CART, SHA)]))[CART, SHA] == (Build.NONE, "")
        else:
            with pytest.raises(PermanentError, match="pipelines of shop/cart"):
                await gitlab.builds([(CART, SHA)])
