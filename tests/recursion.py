"""Python's own limit of recursion, whatever it was set to before in the same process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

PYTHONS = 1_000


@contextmanager
def own_limit() -> Iterator[None]:
    """Hypothesis raises it while it runs, and does not always take that back."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(PYTHONS)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
