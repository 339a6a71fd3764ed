"""One sandbox, one small app behind it and one browser for all tests of the page."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from qbot.sandbox.server import Sandbox
from tests.sandbox.page.browser import CHROMIUM, Page, browser
from tests.sandbox.page.robot import Robot

VISITS = itertools.count()  # another address each time: with the same one nothing is loaded


@dataclass(frozen=True)
class Stage:
    sandbox: Sandbox
    robot: Robot
    page: Page


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house() -> AsyncIterator[Stage]:
    if not CHROMIUM:
        pytest.skip("no Chromium is installed to look at the page with")
    sandbox = Sandbox(services=3)
    await sandbox.start()
    robot = Robot(sandbox.slack, sandbox.url)
    runner = web.AppRunner(robot.app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sandbox.slack.app_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with browser() as page:
        await page.size(1280, 800)
        yield Stage(sandbox, robot, page)
    await runner.cleanup()
    await sandbox.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def stage(house: Stage) -> AsyncIterator[Stage]:
    """A fresh world and a freshly loaded page, on which nothing may go wrong.

    The page of before is left first: it would ask the fresh world for what is not there any more.
    """
    await house.page.leave(f"{house.sandbox.url}/page/icon.svg")
    async with (
        aiohttp.ClientSession(house.sandbox.url) as session,
        session.post("/drive/reset") as response,
    ):
        assert response.status == 200
    house.robot.seen.clear()
    house.robot.values.clear()
    house.page.complaints.clear()
    await house.page.open(f"{house.sandbox.url}/?{next(VISITS)}#/ana/general")
    yield house
    assert house.page.complaints == []
