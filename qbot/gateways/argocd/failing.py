"""How many services of which environments fail: one list of few fields, for many at a time."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from qbot.domain.health import AppState, is_failing
from qbot.domain.names import BASE, EnvId
from qbot.domain.ports import Clock
from qbot.errors import TransientError
from qbot.gateways.argocd.client import Client
from qbot.gateways.argocd.labels import envs_selector
from qbot.gateways.argocd.states import LISTED, state
from qbot.gateways.kept import Kept

_KEEP = 15.0  # seconds
_JOIN = 60.0  # seconds; a list of all Applications may take long, and is asked for once
_OLD = timedelta(seconds=30)  # what is kept of before an outage is told no longer


@dataclass(frozen=True, slots=True)
class _Answer:
    at: datetime
    counts: Mapping[EnvId, int]


class Failing:
    """Keeps each answer for a moment; whoever asks the same meanwhile shares one call."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept = Kept(self._ask, clock, seconds=_KEEP, join=_JOIN)

    async def counts(self, envs: Collection[EnvId]) -> Mapping[EnvId, int]:
        """Of these environments (none: of all) those that have a failing service.

        Raises:
            TransientError: Argo CD does not answer.
            PermanentError: it refuses.
        """
        found = await self._kept.get(tuple(sorted(envs)), fresh=False)
        if self._clock.now() - found.at > _OLD:
            raise TransientError("Argo CD does not answer.")
        return found.counts

    async def _ask(self, envs: tuple[EnvId, ...]) -> _Answer:
        at = self._clock.now()
        found = await self._client.call(
            "GET",
            "/applications",
            what="list Applications",
            query={
                "selector": envs_selector(envs),
                "fields": ",".join(f"items.{path}" for path in LISTED),
            },
        )
        return _Answer(at, _counts([state(app) for app in found.get("items") or ()]))


def _counts(apps: Collection[AppState]) -> Mapping[EnvId, int]:
    return Counter(app.env for app in apps if app.service != BASE and is_failing(app))
