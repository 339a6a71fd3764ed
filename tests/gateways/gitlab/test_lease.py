"""A worker that may have been taken over sends GitLab nothing but reads."""

import asyncio
from collections.abc import Callable
from typing import Any

import gitlab
import pytest
from aiohttp import web

from qbot.domain.lease import Lease
from qbot.domain.ports import Fenced
from qbot.gateways.gitlab.repository import GitLabRepository
from tests.clocks import HandClock
from tests.gateways.gitlab.replies import CART, answering, json_reply, text_reply
from tests.gateways.leases import held, lapse, lapse_and_take_anew


@pytest.mark.parametrize("verb", ["post", "put", "delete"])
async def test_nothing_is_changed_without_the_lease(verb: str) -> None:
    lease = held()

    def write(api: gitlab.Gitlab) -> None:
        api.http_request(verb, "/projects")

    async with answering(json_reply({}), lease=lease) as (asked, opened):
        await opened.client.call("a write", write)
        lapse(lease)
        with pytest.raises(Fenced):
            await opened.client.call("a write", write)
        assert len(asked.asked) == 1


async def test_reads_need_no_lease() -> None:
    async with answering(json_reply({"sha": "1"}), lease=Lease(30.0)) as (_, opened):
        assert await opened.client.call("a read", lambda api: api.http_get("/x")) == {"sha": "1"}


async def test_a_record_whose_lease_lapsed_after_the_look_for_it_is_not_written() -> None:
    lease = held()

    async def reply(request: web.Request) -> web.Response:
        lapse(lease)
        return web.json_response([])

    async with answering(reply, lease=lease) as (asked, opened):
        with pytest.raises(Fenced):
            await GitLabRepository(opened.client).record_deployment(
                CART, environment="production", sha="1", ref="main", succeeded=True
            )
        assert len(asked.asked) == 1


@pytest.mark.parametrize("befalls", [lapse, lapse_and_take_anew])
async def test_a_write_whose_lease_lapses_in_its_thread_is_not_sent(
    befalls: Callable[[Lease], None],
) -> None:
    lease = held()

    def write(api: gitlab.Gitlab) -> Any:
        befalls(lease)
        return api.http_post("/projects")

    async with answering(json_reply({}), lease=lease) as (asked, opened):
        with pytest.raises(Fenced):
            await opened.client.call("a write", write)
        assert asked.asked == []


@pytest.mark.parametrize("befalls", [lapse, lapse_and_take_anew])
async def test_a_write_that_gitlab_put_off_is_not_sent_again_once_the_lease_lapsed(
    befalls: Callable[[Lease], None],
) -> None:
    clock, lease = HandClock(), held()
    refusal = text_reply("Retry later\n", 429, Retry_After="4")
    async with answering(refusal, clock=clock, lease=lease) as (asked, opened):
        writing = asyncio.create_task(
            opened.client.call("a write", lambda api: api.http_post("/projects"))
        )
        await clock.asleep()
        befalls(lease)
        clock.advance(4)
        with pytest.raises(Fenced):
            await writing
        assert len(asked.asked) == 1
