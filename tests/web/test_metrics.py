"""What is counted, and what is read from the database for it."""

from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from qbot.domain.figures import Figures
from qbot.errors import TransientError
from qbot.web.figures import KEPT, Standing
from qbot.web.metrics import status_class
from tests.clocks import HandClock
from tests.metered import Metered


def text_of(standing: Standing) -> str:
    registry = CollectorRegistry()
    registry.register(standing)
    return generate_latest(registry).decode()


async def test_the_database_is_asked_once_however_many_scrape() -> None:
    metered = Metered()
    for _ in range(3):
        await metered.standing.refresh()
    assert metered.asked == 1
    metered.clock.advance(KEPT)
    await metered.standing.refresh()
    assert metered.asked == 2


async def test_every_phase_and_state_is_told_and_the_oldest_grows() -> None:
    metered = Metered()
    await metered.standing.refresh()
    metered.clock.advance(1)
    text = text_of(metered.standing)
    for line in (
        "qbot_database_up 1.0",
        'qbot_environments{phase="ready"} 40.0',
        'qbot_environments{phase="stuck"} 0.0',
        'qbot_operations{kind="create",state="running"} 2.0',
        'qbot_operations{kind="sync",state="queued"} 0.0',
        'qbot_operations_oldest_seconds{kind="create",state="running"} 91.0',
    ):
        assert f"{line}\n" in text
    assert "deleted" not in text


async def away() -> Figures:
    raise TransientError("the database is away")


async def too_slow() -> Figures:
    raise TimeoutError


@pytest.mark.parametrize("read", [away, too_slow])
async def test_without_the_database_old_figures_are_not_told(
    read: Callable[[], Awaitable[Figures]],
) -> None:
    answers = [Figures({}, {})]

    async def once() -> Figures:
        return answers.pop() if answers else await read()

    clock = HandClock()
    standing = Standing(once, clock)
    await standing.refresh()
    assert "qbot_environments{" in text_of(standing)
    clock.advance(KEPT)
    await standing.refresh()
    assert text_of(standing).splitlines()[-1] == "qbot_database_up 0.0"
    assert "qbot_environments" not in text_of(standing)


@pytest.mark.parametrize(
    ("status", "label"),
    [(200, "2xx"), (302, "3xx"), (404, "4xx"), (429, "429"), (503, "5xx"), (None, "none")],
)
def test_answers_are_told_apart_by_their_class(status: int | None, label: str) -> None:
    assert status_class(status) == label


async def test_a_replica_that_stops_leading_knows_of_nothing_behind() -> None:
    metered = Metered()
    metered.happen()
    metered.metrics.leads(leads=False)
    text = generate_latest(metered.metrics.registry).decode()
    for line in (
        "qbot_cards_behind 0.0",
        "qbot_cards_leading 0.0",
        'qbot_lease_changes_total{change="lost",lease="cards"} 1.0',
        'qbot_slack_limited_total{method="chat.update"} 1.0',
        'qbot_slack_budget_per_minute{method="chat.update"} 25.0',
    ):
        assert f"{line}\n" in text
