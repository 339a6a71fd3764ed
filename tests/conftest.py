"""What every test may use; keep it small."""

import pytest
from xdist.remote import Producer

from tests.databases import postgres_server, schemas, tables
from tests.distribution import ByWorld, turn
from tests.memory import taken_for_files

__all__ = ["postgres_server", "schemas", "tables"]

taken_for_files()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden from what is rendered"
    )


@pytest.hookimpl(trylast=True)  # after pytest-randomly, whose order stays within each turn
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: turn(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWorld:
    return ByWorld(config, log)
