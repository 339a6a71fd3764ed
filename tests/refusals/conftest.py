"""One sandbox and one Qbot for all rows; each row has a promotion of a service of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.refusals.production import Production
from tests.world import world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Production]:
    """Enough services that every row finds one that nobody has touched."""
    async with world(tmp_path_factory.mktemp("refusals"), speed=60.0, services=90) as made:
        await made.serve()
        yield Production(made)


@pytest_asyncio.fixture(loop_scope="session")
async def production(shop: Production) -> Production:
    """The same a minute later: Slack grants twenty looks at its user groups in one."""
    await shop.pass_time()
    return shop
