from collections.abc import AsyncIterator, Iterator

import pytest

from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import GitLabGateway, open_gitlab
from tests.sandbox.gitlab.served import Served, serving


@pytest.fixture(scope="module")
def shop() -> Iterator[Served]:
    """One stand-in for a whole module: a test that changes something takes a project of its own."""
    with serving(speed=10_000.0) as made:
        yield made
        assert made.kernel.calls.refused == []


@pytest.fixture
async def gitlab(shop: Served) -> AsyncIterator[GitLabGateway]:
    made = open_gitlab(shop.url, shop.standin.token, clock=SystemClock())
    yield made
    await made.close()
