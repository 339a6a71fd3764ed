import logging
from collections.abc import AsyncIterator

import pytest

from tests.sandbox.argocd.world import Argo, running


@pytest.fixture
async def argo(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Argo]:
    async with running() as world:
        yield world
    failed = [r for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not failed, failed[0].exc_text
