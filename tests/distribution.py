"""Which tests share a worker of pytest-xdist, and which of them start first.

Its own groups are lost with pytest 9.2 (pytest-xdist#1386), and it would start the longest last.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

OF_ONE_WORLD = (
    "tests/journeys/test_doors.py",
    "tests/journeys/test_leftovers.py",
    "tests/journeys/test_life.py",
    "tests/journeys/test_specs.py",
    "tests/journeys/test_versions.py",
    "tests/redaction/test_end_to_end.py",
    "tests/refusals/",
    "tests/test_app.py",
)
"""Files whose tests share a running world: a file stays together on one worker."""

OF_ONE_BROWSER = "tests/sandbox/page/"  # a folder that stays together: Chromium starts slowly

WITH_WORLDS = ("tests/acceptance/", "tests/journeys/", "tests/sandbox/test_demo.py")
"""Tests that each start processes of their own."""


def unit(nodeid: str) -> str:
    """What one worker takes as a whole: what shares a browser or a world, or a single test."""
    if nodeid.startswith(OF_ONE_BROWSER):
        return OF_ONE_BROWSER
    return nodeid.partition("::")[0] if nodeid.startswith(OF_ONE_WORLD) else nodeid


def turn(nodeid: str) -> int:
    """The longest units first, or a worker would begin one when the others are done."""
    if nodeid.startswith((*OF_ONE_WORLD, OF_ONE_BROWSER)):
        return 0
    return 1 if nodeid.startswith(WITH_WORLDS) else 2


class ByWorld(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Hands out units in the order of their turns."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # it would sort by the number of tests

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)
