from collections.abc import Iterator

import gitlab
import httpx
import pytest

from tests.sandbox.gitlab.served import Served, client, raw_client, serving


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as made:
        yield made
        assert made.kernel.calls.refused == []


@pytest.fixture
def gl(served: Served) -> Iterator[gitlab.Gitlab]:
    with client(served) as made:
        yield made


@pytest.fixture
def raw(served: Served) -> Iterator[httpx.Client]:
    with raw_client(served) as made:
        yield made
