"""How requests are sent: how many, how many at a time, with what, and how often again."""

import asyncio
import time

import pytest
from aiohttp import web

from qbot.domain.services import Commit
from qbot.errors import PermanentError, TransientError
from tests.gateways.gitlab.replies import (
    BRANCH,
    CART,
    HUNDRED,
    SHA,
    TOKEN,
    answering,
    branch_json,
    json_reply,
    text_reply,
)

LATENCY = 0.05


async def slow_branch(request: web.Request) -> web.Response:
    await asyncio.sleep(LATENCY)
    return web.json_response(branch_json(request))


async def test_a_hundred_projects_take_a_hundred_requests_sixteen_at_a_time() -> None:
    async with answering(slow_branch) as (asked, gitlab):
        began = time.monotonic()
        heads = await gitlab.heads(HUNDRED, BRANCH)
        rounds = (time.monotonic() - began) / LATENCY
    assert heads == {path: Commit(SHA, path, "Ana") for path in HUNDRED}
    assert len(asked.asked) == len(set(asked.asked)) == 100
    assert asked.most_at_once == 16
    assert rounds < 50  # seven at best; a hundred one after the other


async def test_connections_are_kept() -> None:
    peers = set()

    async def reply(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return await slow_branch(request)

    async with answering(reply) as (_, gitlab):
        await gitlab.heads(HUNDRED, BRANCH)
    assert len(peers) <= 16


async def test_the_same_project_is_asked_once() -> None:
    async with answering(slow_branch) as (asked, gitlab):
        assert list(await gitlab.heads([CART, CART], BRANCH)) == [CART]
        assert await gitlab.heads([], BRANCH) == {}
        assert len(asked.asked) == 1


async def test_the_token_travels_as_a_bearer_and_nothing_from_the_environment() -> None:
    async with answering(slow_branch) as (asked, gitlab):
        await gitlab.heads([CART], BRANCH)
    sent = asked.headers[0]
    assert sent["Authorization"] == f"Bearer {TOKEN}"
    assert sent["User-Agent"] == "qbot"
    assert "PRIVATE-TOKEN" not in sent


async def test_the_token_does_not_follow_a_redirect_to_another_host() -> None:
    async with answering(slow_branch) as (elsewhere, _):

        async def reply(request: web.Request) -> web.Response:
            raise web.HTTPMovedPermanently(location=target)

        async with answering(reply) as (_, gitlab):
            target = f"http://localhost:{elsewhere.port}/api/v4/projects/1/repository/branches/x"
            await gitlab.heads([CART], BRANCH)
    assert len(elsewhere.headers) == 1
    assert TOKEN not in str(elsewhere.headers)


async def test_a_moved_project_is_followed() -> None:
    async def reply(request: web.Request) -> web.Response:
        if "shop%2Fcart" in request.raw_path:
            raise web.HTTPMovedPermanently(
                location=request.raw_path.replace("shop%2Fcart", "7"), text="moved"
            )
        return web.json_response(branch_json(request))

    async with answering(reply) as (asked, gitlab):
        heads = await gitlab.heads([CART], BRANCH)
    assert heads == {CART: Commit(SHA, "7", "Ana")}
    assert asked.asked[-1] == "/projects/7/repository/branches/feat%2Fx"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_failed_request_is_not_sent_again_by_the_library(status: int) -> None:
    async with answering(json_reply({"message": "no"}, status)) as (asked, gitlab):
        with pytest.raises(TransientError, match=str(status)):
            await gitlab.heads([CART], BRANCH)
        assert len(asked.asked) == 1


async def test_a_503_hands_on_how_long_to_wait() -> None:
    async with answering(text_reply("<html>", 503, Retry_After="120")) as (_, gitlab):
        with pytest.raises(TransientError) as caught:
            await gitlab.heads([CART], BRANCH)
        assert caught.value.retry_after == 120.0


async def test_a_silent_gitlab_is_given_up() -> None:
    async with answering(json_reply({}, after=5), patience=(1.0, 0.05)) as (asked, gitlab):
        with pytest.raises(TransientError, match="does not answer in time"):
            await gitlab.heads([CART], BRANCH)
        assert len(asked.asked) == 1


async def test_a_dropped_connection_is_told_and_not_tried_again() -> None:
    async def drop(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with answering(drop) as (asked, gitlab):
        with pytest.raises(TransientError, match=r"cannot be reached for branch feat/x"):
            await gitlab.heads([CART], BRANCH)
        assert len(asked.asked) == 1


async def test_a_body_that_ends_early_is_no_answer() -> None:
    async def partial(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "500"})
        response.content_type = "application/json"
        await response.prepare(request)
        await response.write(b'{"name": "feat/x", "commit": {"id"')
        assert request.transport is not None
        request.transport.close()
        return response

    async with answering(partial) as (_, gitlab):
        with pytest.raises(TransientError):
            await gitlab.heads([CART], BRANCH)


async def test_one_failure_ends_the_whole_question() -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        if "service-3/" in request.raw_path.replace("%2F", "/"):
            return web.json_response({"message": "404 Project Not Found"}, status=404)
        return await slow_branch(request)

    async with answering(reply) as (asked, gitlab):
        with pytest.raises(PermanentError, match="shop/service-3 "):
            await gitlab.heads(HUNDRED, BRANCH)
        assert len(asked.asked) < 100


async def test_closing_ends_what_waits() -> None:
    async with answering(slow_branch) as (asked, gitlab):
        asking = asyncio.create_task(gitlab.heads(HUNDRED, BRANCH))
        await asked.first.wait()
        asking.cancel()
        await gitlab.close()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert len(asked.asked) < 100
