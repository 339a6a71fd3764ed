from collections.abc import AsyncIterator

import pytest
from slack_bolt.async_app import AsyncApp

from tests.sandbox.slack.stage import EVERYTHING, Stage, bolt_over_http, stage


@pytest.fixture
async def played() -> AsyncIterator[Stage]:
    async with stage(**EVERYTHING) as playing:
        yield playing


@pytest.fixture
async def bolt(played: Stage) -> AsyncIterator[AsyncApp]:
    async with bolt_over_http(played) as app:
        yield app
