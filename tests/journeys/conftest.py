"""One sandbox and one Qbot per worker and mode; each test has a branch of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.world import World, world


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["http", "socket"])
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A running pair at thirty times real speed."""
    folder = tmp_path_factory.mktemp("journeys")
    async with world(folder, mode=request.param, speed=30.0) as made:
        await made.serve()
        yield made
