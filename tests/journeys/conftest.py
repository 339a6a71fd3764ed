"""One sandbox and one Qbot per worker and mode; each test has a branch of its own.

`make acceptance` makes every journey in Socket Mode too; `make test` the short ones of
`test_doors.py`.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.acceptance.conftest import FULL
from tests.world import HASTE, World, world

MODES = ["http", "socket"] if FULL else ["http"]
SERVICES = 11 if FULL else 6


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=MODES)
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A running pair at six hundred times real speed, in haste."""
    folder = tmp_path_factory.mktemp("journeys")
    async with world(
        folder, mode=request.param, speed=600.0, services=SERVICES, haste=HASTE
    ) as made:
        await made.serve()
        yield made
