"""The long runs: `make acceptance` runs them in full, `make test` a seeded sample."""

import os
import random

import pytest

from tests.databases import database_url, postgres_url
from tests.dice import Dice

__all__ = ["database_url", "postgres_url"]

FULL = os.environ.get("QBOT_ACCEPTANCE") == "full"


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Random moments that are the same in every run of one test."""
    return Dice(request.node.name)


def rounds(*, full: int, sample: int) -> list[int]:
    """How many times a test repeats."""
    return list(range(full if FULL else sample))
