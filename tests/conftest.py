"""What every test may use; keep it small."""

import gc

import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from tests.amounts import examples
from tests.databases import migrated, postgres_server, schemas, tables
from tests.distribution import ByWorld, turn
from tests.memory import SELDOM, taken_for_files

__all__ = ["migrated", "postgres_server", "schemas", "tables"]

taken_for_files()
gc.disable()  # while tests are collected: of what is made then, all stays
# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile(
    "busy",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=examples(100),
)
settings.load_profile("busy")
# Rich comes with a tool of the developers, and would print each error with its coloured source.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden from what is rendered"
    )


@pytest.hookimpl(trylast=True)  # after pytest-randomly, whose order stays within each turn
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: turn(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWorld:
    return ByWorld(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Modules and tests stay: to look through them again and again takes seconds in all."""
    gc.freeze()
    gc.set_threshold(*SELDOM)
    gc.enable()
