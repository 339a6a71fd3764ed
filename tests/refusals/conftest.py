"""One sandbox and one Qbot for all rows; each row has a promotion of a service of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.conftest import FULL
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


SAMPLE = frozenset(
    {
        "test_who_asked_for_it",
        "test_the_same_person_twice",
        "test_who_has_not_the_role",
        "test_who_had_the_role_until_just_now",
        "test_a_guest",
        "test_somebody_from_outside",
        "test_who_has_no_account_at_gitlab",
        "test_the_glass_without_the_role",
        "test_a_copy_of_the_card",
    }
)
"""Rows of every run. The others wait for turns, pipelines and Slack's limits: long runs only."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what takes long to `make acceptance`."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and not FULL and item.name not in SAMPLE:
            item.add_marker(pytest.mark.skip(reason="long: make acceptance"))
