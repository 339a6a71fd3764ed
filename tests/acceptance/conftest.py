"""The long runs: `make acceptance` runs them in full, `make test` a seeded sample."""

import random
from pathlib import Path

import pytest

from tests.amounts import FULL
from tests.databases import KINDS, postgres_url, url_of
from tests.dice import Dice

__all__ = ["FULL", "postgres_url"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test on `either_database` runs on both in full, on one in a sample: its id says which.

    The seed that pytest-randomly prints decides, for each test anew; each worker has the same.
    """
    if "either_database" in metafunc.fixturenames:
        seed = metafunc.config.getoption("randomly_seed", 0)
        dice = Dice(f"{seed} {metafunc.definition.name}")
        kinds = KINDS if FULL else [dice.choice(KINDS)]
        metafunc.parametrize("either_database", kinds, indirect=True)


@pytest.fixture
def either_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh database."""
    return url_of(request, tmp_path)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Random moments that are the same in every run of one test."""
    return Dice(request.node.name)


def rounds(*, full: int, sample: int) -> list[int]:
    """How many times a test repeats."""
    return list(range(full if FULL else sample))
