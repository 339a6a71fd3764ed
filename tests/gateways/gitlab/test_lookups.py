"""Names of branches, and who is behind an address."""

import pytest
from aiohttp import web

from qbot.domain.names import ProjectPath
from tests.gateways.gitlab.replies import CART, answering, json_reply

PERSON = {"id": 4, "username": "ana", "name": "Ana", "state": "active"}


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ([PERSON | {"email": "Ana@Shop.example"}], True),
        ([PERSON | {"public_email": "ana@shop.example"}], True),
        ([PERSON | {"name": "ana@shop.example"}], False),
        ([PERSON | {"email": "ana@shop.example", "state": "blocked"}], False),
        ([PERSON | {"email": "ana@shop.example", "bot": True}], False),
        ([PERSON | {"email": "ana@shop.example"}] * 2, False),
        ([], False),
    ],
    ids=["private", "public", "display-name", "blocked", "bot", "two", "none"],
)  # fmt: skip
async def test_only_the_address_itself_proves_who_somebody_is(
    listed: list[dict[str, object]], found: bool
) -> None:
    async with answering(json_reply(listed)) as (_, gitlab):
        account = await gitlab.user_by_email("ana@shop.example")
    assert (account is not None) is found


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
