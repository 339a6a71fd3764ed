"""Prometheus metrics. Labels hold kinds and rules, never a name that people choose."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_DELAYS = (0.5, 1, 2, 5, 10, 20, 60, 120, 300)


class Metrics:
    """All of Qbot's own metrics, in a registry of their own; also the dispatcher's meter."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._refused = Counter(
            "qbot_slack_requests_refused", "Requests turned away", ["rule"], registry=self.registry
        )
        self._webhooks = Counter(
            "qbot_webhooks", "Webhooks that came in, by what came of them", ["source", "result"],
            registry=self.registry,
        )  # fmt: skip
        self._sent = Counter(
            "qbot_slack_calls", "Calls to Slack that were answered well", ["method", "rank"],
            registry=self.registry,
        )  # fmt: skip
        self._failed = Counter(
            "qbot_slack_calls_failed", "Calls to Slack that were not", ["method", "kind"],
            registry=self.registry,
        )  # fmt: skip
        self._delay = Histogram(
            "qbot_card_delay_seconds", "From a change until people could see it", ["rank"],
            buckets=_DELAYS, registry=self.registry,
        )  # fmt: skip
        self._behind = Gauge(
            "qbot_cards_behind", "Messages that do not show the newest state",
            registry=self.registry,
        )  # fmt: skip

    def webhook(self, source: str, result: str) -> None:
        """A webhook came in, and this came of it."""
        self._webhooks.labels(source, result).inc()

    def refused(self, rule: str) -> None:
        """A request was turned away by this rule."""
        self._refused.labels(rule).inc()

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
