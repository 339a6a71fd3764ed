"""Whether GitLab takes the token, asked without a project."""

import pytest
from aiohttp import web

from qbot.errors import PermanentError, TransientError
from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import GitLabGateway, open_gitlab
from tests.gateways.gitlab.replies import TOKEN, answering
from tests.sandbox.gitlab.served import Served


async def test_a_good_token_is_taken(gitlab: GitLabGateway) -> None:
    await gitlab.check_token()


async def test_a_bad_token_is_refused_by_its_setting(shop: Served) -> None:
    stranger = open_gitlab(shop.url, TOKEN, clock=SystemClock())
    with pytest.raises(PermanentError, match="QBOT_GITLAB__TOKEN") as refused:
        await stranger.check_token()
    await stranger.close()
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_kind_of_token_that_has_no_page_is_tried_by_its_account(status: int) -> None:
    async def reply(request: web.Request) -> web.Response:
        if request.path.endswith("/user"):
            return web.json_response({"id": 1})
        return web.json_response({"message": "no"}, status=status)

    async with answering(reply) as (asked, gitlab):
        await gitlab.check_token()
    assert asked.asked == ["/personal_access_tokens/self", "/user"]


async def test_a_gitlab_that_fails_says_nothing_about_the_token() -> None:
    async def reply(_: web.Request) -> web.Response:
        return web.Response(status=502)

    async with answering(reply) as (asked, gitlab):
        with pytest.raises(TransientError):
            await gitlab.check_token()
    assert asked.asked == ["/personal_access_tokens/self"]
