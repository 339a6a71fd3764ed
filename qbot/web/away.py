"""Who of the neighbours answers, for Prometheus and for `/readyz`: told by calls, asked nothing."""

from collections.abc import Iterator, Mapping
from datetime import UTC

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from qbot.domain.outages import Outages
from qbot.domain.ports import Clock

_LABELS = ("vendor", "server")


class Away(Collector):
    """Gauges of each neighbour that calls tell of."""

    def __init__(self, outages: Outages, clock: Clock) -> None:
        self._outages = outages
        self._clock = clock

    @override
    def collect(self) -> Iterator[Metric]:
        """As it is now."""
        up = GaugeMetricFamily("qbot_vendor_up", "0: it does not answer", labels=_LABELS)
        silent = GaugeMetricFamily(
            "qbot_vendor_away_seconds", "For how long it has not answered; 0: it does",
            labels=_LABELS,
        )  # fmt: skip
        now = self._clock.now()
        for presence in self._outages.of:
            labels, away = [presence.vendor.value, presence.server], presence.away()
            up.add_metric(labels, 0 if away else 1)
            silent.add_metric(labels, max((now - away.since).total_seconds(), 0) if away else 0)
        yield from (up, silent)

    def degraded(self) -> Mapping[str, str]:
        """What is wrong, by name: readiness does not hang on it."""
        return {
            away.name: f"has not answered since {away.since.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
            for away in self._outages.now()
        }
