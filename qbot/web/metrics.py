"""Prometheus metrics. Labels hold kinds and rules, never a name that people choose."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from qbot.cards.budget import LaneState
from qbot.domain.progress import End, Kind
from qbot.domain.reaping import Cause

VENDORS = ("argocd", "gitlab", "slack")
_TOO_MANY = 429
_DELAYS = (0.5, 1, 2, 5, 10, 20, 60, 120, 300)
_CALLS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TRANSACTIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_HOUR = 3600
# Seconds up to days: a promotion waits for people.
_OPERATIONS = (
    5, 15, 30, 60, 120, 180, 240, 300, 450, 600, 900, 1800, _HOUR, 4 * _HOUR, 24 * _HOUR,
    72 * _HOUR,
)  # fmt: skip
_LEASES = (("worker", "lost"), ("operation", "taken"), ("operation", "lost"), ("cards", "taken"),
           ("cards", "lost"))  # fmt: skip


class Metrics:
    """All of Qbot's own metrics, in a registry of their own.

    The meter of the dispatcher, of the engine, of the gateways and of the store.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._refused = self._counter(
            "qbot_slack_requests_refused", "Requests of Slack turned away, by the rule", "rule"
        )
        self._webhooks = self._counter(
            "qbot_webhooks", "Webhooks that came in, by what came of them", "source", "result"
        )
        self._reaped = self._counter(
            "qbot_reaper_decisions", "What the reaper decided, and because of what",
            "decision", "cause",
        )  # fmt: skip
        self._sent = self._counter(
            "qbot_slack_calls", "Calls for cards that Slack answered well", "method", "rank"
        )
        self._failed = self._counter(
            "qbot_slack_calls_failed", "Calls for cards that it did not", "method", "kind"
        )
        self._delay = self._histogram(
            "qbot_card_delay_seconds", "From a change until people could see it", _DELAYS, "rank"
        )
        self._behind = self._gauge(
            "qbot_cards_behind", "Messages that do not show the newest state"
        )
        self._leads = self._gauge("qbot_cards_leading", "1: this replica writes Slack's cards")
        self._ended = self._counter(
            "qbot_operations_ended", "Operations carried to their end", "kind", "outcome"
        )
        self._took = self._histogram(
            "qbot_operation_duration_seconds", "From the request to the end, waits included",
            _OPERATIONS, "kind", "outcome",
        )  # fmt: skip
        self._carried = self._gauge(
            "qbot_operations_carried", "Operations that this replica carries"
        )
        self._leases = self._counter(
            "qbot_lease_changes", "Leases that were taken from others or lost to them",
            "lease", "change",
        )  # fmt: skip
        self._calls = self._histogram(
            "qbot_vendor_call_duration_seconds", "Calls to a vendor, by the class of the answer",
            _CALLS, "vendor", "status",
        )  # fmt: skip
        self._transactions = self._histogram(
            "qbot_database_transaction_duration_seconds", "Transactions, waits included",
            _TRANSACTIONS,
        )  # fmt: skip
        self._from_the_start()

    def _from_the_start(self) -> None:
        """Counters that alerts look at begin with 0, or the first event would not be a rise."""
        for kind in Kind:
            for end in End:
                self._ended.labels(kind.value, end.value)
        for lease, change in _LEASES:
            self._leases.labels(lease, change)
        for decision, cause in (("held", ""), *product(("deleted", "kept-at-last"), Cause)):
            self._reaped.labels(decision, cause)
        for vendor in VENDORS:
            for status in ("2xx", "5xx", "none"):
                self._calls.labels(vendor, status)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    # What comes in

    def webhook(self, source: str, result: str) -> None:
        """A webhook came in, and this came of it."""
        self._webhooks.labels(source, result).inc()

    def refused(self, rule: str) -> None:
        """A request was turned away by this rule."""
        self._refused.labels(rule).inc()

    def reaped(self, decision: str, cause: str) -> None:
        """The reaper decided this about one, or about all (without a cause)."""
        self._reaped.labels(decision, cause).inc()

    # The dispatcher's meter

    def sent(self, method: str, rank: str) -> None:
        """One call was answered well."""
        self._sent.labels(method, rank).inc()

    def failed(self, method: str, kind: str) -> None:
        """One call was not."""
        self._failed.labels(method, kind).inc()

    def shown_after(self, rank: str, seconds: float) -> None:
        """How long a change waited until people could see it."""
        self._delay.labels(rank).observe(seconds)

    def waiting(self, cards: int) -> None:
        """How many messages are behind at present."""
        self._behind.set(cards)

    def leads(self, *, leads: bool) -> None:
        """Whether this replica writes to Slack; who does not knows of nothing that is behind."""
        self._leads.set(leads)
        self._leases.labels("cards", "taken" if leads else "lost").inc()
        if not leads:
            self._behind.set(0)

    def budget_of(self, snapshot: Callable[[], Mapping[str, LaneState]]) -> None:
        """Show the dispatcher's budget, as it is when somebody asks."""
        self.registry.register(_Budget(snapshot))

    # The engine's meter

    def ended(self, kind: Kind, end: End, seconds: float) -> None:
        """One operation came to its end, so long after it was asked for."""
        self._ended.labels(kind.value, end.value).inc()
        self._took.labels(kind.value, end.value).observe(seconds)

    def carrying(self, operations: int) -> None:
        """How many operations this replica carries."""
        self._carried.set(operations)

    def taken_over(self, operations: int) -> None:
        """So many of a dead worker can go on."""
        self._leases.labels("operation", "taken").inc(operations)

    def lost(self) -> None:
        """One that this replica carried is another's now."""
        self._leases.labels("operation", "lost").inc()

    def lapsed(self) -> None:
        """This replica's own lease ran out before it was renewed."""
        self._leases.labels("worker", "lost").inc()

    # Neighbours

    def called(self, vendor: str, status: int | None, seconds: float) -> None:
        """One call; from any thread."""
        self._calls.labels(vendor, status_class(status)).observe(seconds)

    def ran(self, seconds: float) -> None:
        """One transaction of the database."""
        self._transactions.observe(seconds)


def status_class(status: int | None) -> str:
    """`2xx` to `5xx`; apart from these 429, and `none` where there was no answer."""
    if status is None:
        return "none"
    return "429" if status == _TOO_MANY else f"{status // 100}xx"


class _Budget(Collector):
    def __init__(self, snapshot: Callable[[], Mapping[str, LaneState]]) -> None:
        self._snapshot = snapshot

    @override
    def collect(self) -> Iterator[Metric]:
        rate = GaugeMetricFamily(
            "qbot_slack_budget_per_minute", "Calls a minute that Qbot allows itself",
            labels=["method"],
        )  # fmt: skip
        used = GaugeMetricFamily(
            "qbot_slack_budget_used", "Calls of the last minute", labels=["method"]
        )
        limited = CounterMetricFamily(
            "qbot_slack_limited", "Answers of Slack that closed a method", labels=["method"]
        )
        for method, lane in self._snapshot().items():
            rate.add_metric([method], lane.rate)
            used.add_metric([method], lane.used)
            limited.add_metric([method], lane.refused)
        yield from (rate, used, limited)
