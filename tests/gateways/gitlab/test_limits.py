"""GitLab asks to be left alone: who waits, for how long, and who is told."""

import asyncio
from email.utils import format_datetime

import pytest
from aiohttp import web

from qbot.errors import TransientError
from tests.clocks import START, HandClock
from tests.gateways.gitlab.replies import (
    BRANCH,
    CART,
    HUNDRED,
    answering,
    branch_json,
    json_reply,
    text_reply,
)


class Refusing:
    """Answers 429 to the first `times` requests."""

    def __init__(self, times: int, **headers: str) -> None:
        self.times = times
        self.refusal = text_reply("Retry later\n", 429, **headers)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if self.times > 0:
            self.times -= 1
            return await self.refusal(request)
        return web.json_response(branch_json(request))


async def test_a_short_pause_is_waited_out_by_everybody_and_all_are_answered() -> None:
    clock = HandClock()
    async with answering(Refusing(16, Retry_After="4"), clock=clock) as (asked, gitlab):
        asking = asyncio.create_task(gitlab.heads(HUNDRED, BRANCH))
        await clock.asleep(16)
        await clock.asleep(16)
        assert len(asked.asked) == 16  # nobody sends while the pause lasts
        clock.advance(4)
        assert len(await asking) == 100
        assert len(asked.asked) == 116


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "61"},
        {"Retry_After": format_datetime(START.replace(minute=1, second=1), usegmt=True)},
        {"RateLimit_Reset": str(int(START.timestamp()) + 61)},
    ],
    ids=["seconds", "date", "reset"],
)
async def test_a_long_pause_is_the_callers_to_wait_and_nobody_asks_meanwhile(
    headers: dict[str, str],
) -> None:
    clock = HandClock()
    async with answering(Refusing(1, **headers), clock=clock) as (asked, gitlab):
        with pytest.raises(TransientError) as caught:
            await gitlab.heads([CART], BRANCH)
        assert caught.value.retry_after == 61.0
        clock.advance(31)
        with pytest.raises(TransientError) as caught:
            await gitlab.resolve(CART, "main")
        assert caught.value.retry_after == 30.0
        assert len(asked.asked) == 1
        clock.advance(30)
        assert (await gitlab.heads([CART], BRANCH))[CART] is not None


async def test_a_limit_of_one_endpoint_comes_without_a_time_and_is_tried_three_times() -> None:
    clock = HandClock()
    body = {"message": {"error": "This endpoint has been requested too many times."}}
    async with answering(json_reply(body, 429), clock=clock) as (asked, gitlab):
        asking = asyncio.create_task(gitlab.heads([CART], BRANCH))
        for _ in range(2):
            await clock.asleep()
            clock.advance(1)
        with pytest.raises(TransientError) as caught:
            await asking
        assert caught.value.retry_after is None
        assert len(asked.asked) == 3
