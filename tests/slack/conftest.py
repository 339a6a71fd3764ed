"""A scene in HTTP mode, and one in either mode."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

from tests.slack.scene import Scene
from tests.slack.scene import scene as built


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with built(tmp_path) as made:
        yield made


@pytest.fixture(params=["http", "socket"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    mode: Literal["http", "socket"] = request.param
    async with built(tmp_path, mode) as made:
        yield made
