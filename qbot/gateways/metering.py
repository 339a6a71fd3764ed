"""How long calls to a vendor take and how they are answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from qbot.domain.meters import Called
from qbot.domain.ports import Fenced


@dataclass(slots=True)
class Answer:
    """`status` is the HTTP status; None as long as there is no answer."""

    status: int | None = None


@contextmanager
def measured(called: Called, vendor: str) -> Iterator[Answer]:
    """Around one request; what the lease held back was none. Works in any thread."""
    answer, began = Answer(), perf_counter()
    try:
        yield answer
    except Fenced:
        raise
    except BaseException:
        called(vendor, answer.status, perf_counter() - began)
        raise
    called(vendor, answer.status, perf_counter() - began)
