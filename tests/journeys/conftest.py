"""One sandbox and one Qbot per worker and mode; each test has a branch of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.world import World, world

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="session", params=["http"])
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A running pair at sixty times real speed."""
    folder = tmp_path_factory.mktemp("journeys")
    async with world(folder, mode=request.param) as made:
        await made.serve()
        yield made
