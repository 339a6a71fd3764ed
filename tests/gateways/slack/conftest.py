"""The gateway on a real socket, with a workspace behind it."""

from collections.abc import AsyncIterator

import pytest

from qbot.gateways.slack import SlackGateway, open_slack
from tests.sandbox.slack.stage import Stage, stage


@pytest.fixture
async def played() -> AsyncIterator[Stage]:
    async with stage() as playing:
        yield playing
        assert playing.kernel.calls.refused == []


@pytest.fixture
async def slack(played: Stage) -> AsyncIterator[SlackGateway]:
    async with open_slack(played.slack.bot_token, f"{played.kernel.url}/slack/api/") as gateway:
        yield gateway
