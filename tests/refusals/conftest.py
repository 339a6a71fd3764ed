"""One sandbox and one Qbot for the rows of a file; each row has a promotion of its own service."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.refusals.production import Production
from tests.world import HASTE, world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Production]:
    """As small as the file allows; only what people and Slack take is not hurried."""
    folder = tmp_path_factory.mktemp("refusals")
    services = request.module.SERVICES
    async with world(folder, speed=600.0, services=services, haste=HASTE) as made:
        await made.serve()
        yield Production(made)


@pytest_asyncio.fixture(loop_scope="module")
async def production(shop: Production) -> AsyncIterator[Production]:
    """The stage with nothing in the way, a minute later: as if each row were the first."""
    await shop.pass_time()
    yield shop
    await shop.at_rest()
