"""Gauges that the database tells: the same from each replica, and read seldom."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from qbot.domain.environment import Phase
from qbot.domain.figures import Figures
from qbot.domain.operation import OpState
from qbot.domain.ports import Clock
from qbot.domain.progress import Kind
from qbot.errors import QbotError

log = structlog.get_logger()
KEPT = 5.0  # seconds; however many ask, the database is asked once
PATIENCE = 2.0  # seconds; Prometheus gives up after ten by default
_STATES = tuple(state for state in OpState if state is not OpState.DONE)


class Standing(Collector):
    """A collector that has to be refreshed before it is asked: the library does not wait.

    Where the database does not answer, its gauges are left out: an old figure is a wrong one.

    Args:
        read: one cheap statement.
        clock: of what the database has written down.
    """

    def __init__(self, read: Callable[[], Awaitable[Figures]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._turn = asyncio.Lock()
        self._until = float("-inf")
        self._figures: Figures | None = None

    async def refresh(self) -> None:
        """Read anew what was read too long ago; never raises because of the database."""
        async with self._turn:
            if self._clock.monotonic() < self._until:
                return
            try:
                async with asyncio.timeout(PATIENCE):
                    self._figures = await self._read()
            except (QbotError, TimeoutError) as error:
                log.info("metrics without the database", reason=str(error))
                self._figures = None
            self._until = self._clock.monotonic() + KEPT

    @override
    def collect(self) -> Iterator[Metric]:
        """What was read last."""
        yield GaugeMetricFamily(
            "qbot_database_up", "1: the database answers this replica", self._figures is not None
        )
        if self._figures is not None:
            yield _environments(self._figures)
            yield from self._operations(self._figures)

    def _operations(self, figures: Figures) -> Iterator[Metric]:
        number = GaugeMetricFamily(
            "qbot_operations", "Operations that have not ended", labels=["kind", "state"]
        )
        oldest = GaugeMetricFamily(
            "qbot_operations_oldest_seconds",
            "Since the oldest of them began; since it was asked for, where it has not",
            labels=["kind", "state"],
        )
        now = self._clock.now()
        for kind in Kind:
            for state in _STATES:
                some = figures.operations.get((kind, state))
                labels = [kind.value, state.value]
                number.add_metric(labels, some.number if some else 0)
                age = (now - some.since).total_seconds() if some else 0.0
                oldest.add_metric(labels, max(age, 0.0))
        yield from (number, oldest)


def _environments(figures: Figures) -> Metric:
    family = GaugeMetricFamily("qbot_environments", "Living environments", labels=["phase"])
    for phase in Phase:
        if phase.alive:
            family.add_metric([phase.value], figures.environments.get(phase, 0))
    return family
