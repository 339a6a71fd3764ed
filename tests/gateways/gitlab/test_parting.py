"""A GitLab that hangs keeps nobody from stopping."""

import asyncio
import time

from aiohttp import web

from tests.gateways.gitlab.replies import answering


async def test_who_closes_waits_a_moment_for_what_was_sent() -> None:
    free = asyncio.Event()

    async def hangs(request: web.Request) -> web.Response:
        await free.wait()
        return web.json_response({})

    async with answering(hangs, patience=(5.0, 60.0)) as (counting, gitlab):
        asking = asyncio.create_task(gitlab.check_token())
        await counting.first.wait()
        began = time.monotonic()
        await gitlab.close()
        took = time.monotonic() - began
        free.set()
        await asyncio.gather(asking, return_exceptions=True)
    assert 1 < took < 10
