"""The services of a stage's card while they are deployed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from qbot.domain.health import AppState, Verdict
from qbot.domain.names import ServiceName
from qbot.domain.progress import ServiceProgress, Stage
from qbot.domain.promotion import Item
from qbot.operations.releases.tracker import StageTracker
from qbot.operations.track import seen_row


class Rows:
    """One for each service that changes; goes on with what the card shows after a crash."""

    def __init__(self, tracker: StageTracker, items: Sequence[Item]) -> None:
        self._tracker = tracker
        known = {row.service: row for row in tracker.progress.services}
        self._rows = {item.service: _first(item, known.get(item.service)) for item in items}
        self._failed: list[ServiceName] = []
        self._show()

    def stage(self, service: ServiceName, stage: Stage, reason: str = "") -> None:
        """One service moved on for a reason that Argo CD does not know."""
        self._put(replace(self._rows[service], stage=stage, reason=reason))
        self._show()

    def saw(self, states: Mapping[ServiceName, tuple[AppState, Verdict]], *, at: datetime) -> None:
        """What Argo CD says of the services; `at` is when it was last known to be true."""
        for service, (state, verdict) in states.items():
            self._put(seen_row(self._rows[service], state, verdict))
        self._show()
        self._tracker.seen(at)

    def of(self, *stages: Stage) -> tuple[ServiceProgress, ...]:
        """The services that are at one of these stages, in the order of the promotion."""
        return tuple(row for row in self._rows.values() if row.stage in stages)

    @property
    def troubled(self) -> tuple[ServiceProgress, ...]:
        """All that are not ready: first those that failed, the first that did so in front."""
        others = [
            s for s, row in self._rows.items() if row.stage not in (Stage.READY, Stage.FAILED)
        ]
        return tuple(self._rows[service] for service in (*self._failed, *others))

    def _put(self, row: ServiceProgress) -> None:
        self._rows[row.service] = row
        if row.stage is not Stage.FAILED:
            self._failed = [s for s in self._failed if s != row.service]
        elif row.service not in self._failed:
            self._failed.append(row.service)

    def _show(self) -> None:
        self._tracker.show(services=tuple(self._rows.values()))


def _first(item: Item, known: ServiceProgress | None) -> ServiceProgress:
    row = known or ServiceProgress(
        service=item.service,
        stage=Stage.SYNCING,
        ref=item.new.ref or item.new.text,
        sha=item.new.sha,
    )
    return replace(row, stage=Stage.SYNCING, reason="") if row.stage is Stage.FAILED else row
