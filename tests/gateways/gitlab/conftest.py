from collections.abc import AsyncIterator, Iterator

import pytest

from qbot.gateways.clock import SystemClock
from qbot.gateways.gitlab import GitLabGateway, GitLabRepository, open_gitlab
from tests.gateways.gitlab.config import repository_of
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


@pytest.fixture
async def repository(shop: Served) -> AsyncIterator[GitLabRepository]:
    async with repository_of(shop) as made:
        yield made
