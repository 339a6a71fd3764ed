"""What the Qbot that serves says of itself: its own metrics, over HTTP or in this process."""

from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_address

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from qbot.domain.diagnosis.hooks import Running
from qbot.errors import PermanentError, TransientError

_WITHIN = 3.0  # seconds
_BUDGET, _USED = "qbot_slack_budget_per_minute", "qbot_slack_budget_used"
_LIMITED, _WEBHOOKS = "qbot_slack_limited_total", "qbot_webhooks_total"
_REFUSED = "qbot_slack_requests_refused_total"


class MetricsReader:
    """The port `RunningReader`. `text` gives the page that Prometheus scrapes."""

    def __init__(self, text: Callable[[], Awaitable[str]]) -> None:
        self._text = text

    async def read(self) -> Running:
        """As it is now.

        Raises:
            TransientError: nobody serves there.
            PermanentError: whoever does is no Qbot.
        """
        text = await self._text()
        try:
            found = list(_samples(text))
        except ValueError:
            raise PermanentError("What it serves there are no metrics.") from None
        if not any(sample.name == _BUDGET for sample in found):
            raise PermanentError("What serves there is no Qbot that is ready.")
        return Running(
            budget={s.labels["method"]: s.value for s in found if s.name == _BUDGET},
            used={s.labels["method"]: s.value for s in found if s.name == _USED},
            limited={s.labels["method"]: int(s.value) for s in found if s.name == _LIMITED},
            webhooks={
                (s.labels["source"], s.labels["result"]): int(s.value)
                for s in found
                if s.name == _WEBHOOKS
            },
            refused={s.labels["rule"]: int(s.value) for s in found if s.name == _REFUSED},
        )


def served_at(address: str) -> Callable[[], Awaitable[str]]:
    """The page of the Qbot that listens at `HOST:PORT` of this machine, QBOT_ADMIN_LISTEN."""
    url = f"http://{_reachable(address)}/metrics"

    async def text() -> str:
        try:
            async with httpx.AsyncClient(timeout=_WITHIN, trust_env=False) as http:
                return (await http.get(url)).text
        except httpx.HTTPError:
            raise TransientError(f"No Qbot serves at {address} of this machine.") from None

    return text


async def serves_at(address: str) -> bool:
    """Whether a Qbot is there at `HOST:PORT` of this machine, be it that it only begins."""
    try:
        async with httpx.AsyncClient(timeout=_WITHIN, trust_env=False) as http:
            found = (await http.get(f"http://{_reachable(address)}/readyz")).json()
        return "start" in found["checks"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False


def _reachable(address: str) -> str:
    """Where a server that listens everywhere is asked."""
    host, _, port = address.rpartition(":")
    try:
        everywhere = ip_address(host.strip("[]"))
    except ValueError:
        return address
    if not everywhere.is_unspecified:
        return address
    return f"127.0.0.1:{port}" if everywhere.version == 4 else f"[::1]:{port}"  # noqa: PLR2004 (IPv4)


def _samples(text: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples
