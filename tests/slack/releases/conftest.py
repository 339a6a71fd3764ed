"""A scene with two stages and the people around them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.slack.releases.stages import STAGES, populated
from tests.slack.scene import Scene
from tests.slack.scene import scene as built


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Scene]:
    async with built(tmp_path, stages=STAGES) as made:
        yield populated(made)
