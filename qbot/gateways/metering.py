"""How long calls to a vendor take and how they are answered."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from qbot.domain.meters import Called
from qbot.domain.ports import Fenced

_GIVEN_UP = 5.0  # seconds after which it is the vendor's doing that nobody waits any longer


@dataclass(slots=True)
class Answer:
    """`status` is the HTTP status; None as long as there is no answer."""

    status: int | None = None


@contextmanager
def measured(called: Called, vendor: str) -> Iterator[Answer]:
    """Around one request; works in any thread.

    What the lease held back was none, nor is one that Qbot itself soon ended (a cancel, a stop).
    """
    answer, began = Answer(), perf_counter()
    try:
        yield answer
    except Fenced:
        raise
    except asyncio.CancelledError:
        if (spent := perf_counter() - began) >= _GIVEN_UP:
            called(vendor, answer.status, spent)
        raise
    except BaseException:
        called(vendor, answer.status, perf_counter() - began)
        raise
    called(vendor, answer.status, perf_counter() - began)
