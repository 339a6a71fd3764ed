"""Names of branches."""

from aiohttp import web

from qbot.domain.names import ProjectPath
from tests.gateways.gitlab.replies import CART, answering


async def test_branch_names_come_most_frequent_first() -> None:
    async def reply(request: web.Request) -> web.Response:
        names = ["feat/b", "feat/c"] if "cart" in request.raw_path else ["feat/a", "feat/c"]
        return web.json_response([{"name": name} for name in names])

    async with answering(reply) as (asked, gitlab):
        found = await gitlab.branch_names([CART, ProjectPath("shop/orders")], "FEAT")
    assert found == ["feat/c", "feat/a", "feat/b"]
    assert all("search=FEAT" in path for path in asked.asked)


async def test_a_long_list_is_not_followed_page_by_page() -> None:
    async def reply(request: web.Request) -> web.Response:
        link = f'<{request.url.with_query(page="2")}>; rel="next"'
        return web.json_response([{"name": "feat/a"}], headers={"Link": link})

    async with answering(reply) as (asked, gitlab):
        assert await gitlab.branch_names([CART], "feat") == ["feat/a"]
        assert len(asked.asked) == 1
