"""Which tests share a worker of pytest-xdist, and which of them start first.

Its own groups are lost with pytest 9.2 (pytest-xdist#1386), and it would start the longest last.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

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

LONGEST = (
    "tests/acceptance/test_faults.py::test_passing_faults",
    "tests/acceptance/test_promotion_kills.py::test_killed_at_random_moments",
    "tests/journeys/test_life.py",
    "tests/journeys/test_versions.py",
    "tests/refusals/test_changes.py",
    "tests/acceptance/test_kills.py",
    "tests/acceptance/test_replicas.py",
    "tests/refusals/test_rejudged.py",
)
"""What takes a third of a minute and more, alone on a worker."""

WITH_WORLDS = ("tests/acceptance/", "tests/journeys/", "tests/sandbox/test_demo.py")
"""Tests that each start processes of their own."""


_EACH_THIRD = 3  # worker begins at the other end


def unit(nodeid: str) -> str:
    """What one worker takes as a whole: a file, what shares a browser, or a test with a world."""
    if nodeid.startswith(OF_ONE_BROWSER):
        return OF_ONE_BROWSER
    own_world = nodeid.startswith(WITH_WORLDS) and not nodeid.startswith(OF_ONE_WORLD)
    return nodeid if own_world else nodeid.partition("::")[0]


def turn(nodeid: str) -> int:
    """The longest units first, or a worker would begin one when the others are done."""
    if nodeid.startswith(LONGEST):
        return 0
    if nodeid.startswith((*OF_ONE_WORLD, OF_ONE_BROWSER)):
        return 1
    return 2 if nodeid.startswith(WITH_WORLDS) else 3


class ByWorld(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Hands out units in the order of their turns.

    Some workers begin at the other end: tests with worlds wait most of their time, and the others
    need the processor, so that either alone would leave something idle.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # it would sort by the number of tests

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.nodes.index(node) % _EACH_THIRD == _EACH_THIRD - 1:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
