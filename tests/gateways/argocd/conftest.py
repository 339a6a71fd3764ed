from collections.abc import AsyncIterator

import pytest

from qbot.gateways.argocd.gateway import ArgoCDGateway
from tests.gateways.argocd.world import OddServer, QuickClock, gateway, odd_server


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
async def odd() -> AsyncIterator[OddServer]:
    async with odd_server() as server:
        yield server


@pytest.fixture
async def argocd(odd: OddServer, clock: QuickClock) -> AsyncIterator[ArgoCDGateway]:
    """A gateway that speaks to the odd server."""
    async with gateway(odd.url, clock=clock) as opened:
        yield opened
