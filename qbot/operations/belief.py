"""What to believe of the services that an operation waits for.

The live view may be late and health flaps; a look at Argo CD itself is the truth of its moment.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from qbot.domain.health import AppState, Debounce, Ready, Verdict, verdict
from qbot.domain.names import OpId, ServiceName
from qbot.domain.progress import UNDER_WAY, ServiceProgress, Stage
from qbot.domain.rules import Rules
from qbot.domain.services import ServicePlan

_MISSING = "Its Application is not there."


class Told(Protocol):
    """Keeps what people are shown of each service."""

    def stage(self, service: ServiceName, stage: Stage, reason: str = "") -> None:
        """One service moved on for a reason that Argo CD does not know."""

    def saw(self, states: Mapping[ServiceName, tuple[AppState, Verdict]], *, at: datetime) -> None:
        """What Argo CD says of the services; `at` is when it was last known to be true."""

    def of(self, *stages: Stage) -> tuple[ServiceProgress, ...]:
        """The services that are at one of these stages."""


class Belief:
    """Belongs to one run; whatever changes is told to its tracker."""

    def __init__(self, rules: Rules, op: OpId, tracker: Told) -> None:
        self._rules = rules
        self._op = op
        self._tracker = tracker
        self._debounce = Debounce(rules.broken_after)
        self._wanted: dict[ServiceName, str] = {}
        self._since: dict[ServiceName, datetime] = {}
        self._truth: dict[ServiceName, AppState] = {}
        self._absent: dict[ServiceName, int] = {}  # the version that is known not to be any more
        self._judged: dict[ServiceName, AppState] = {}
        self._unsure: dict[ServiceName, Verdict] = {}  # believed, while it looks otherwise

    def expect(self, plan: ServicePlan) -> None:
        """This service shall run this version."""
        # Where Argo CD follows the branch it may be past the commit that Qbot knows.
        self.want(plan.service, "" if self._rules.follow_branch else plan.sha)

    def asked_for(self, service: ServiceName) -> bool:
        """Whether Argo CD may have been told of it; of one that it refuses that is not so."""
        return service in self._wanted

    def want(self, service: ServiceName, sha: str) -> None:
        """This service shall run this commit; empty: the one that its targetRevision stands for."""
        self._wanted[service] = sha
        self._judged.pop(service, None)

    @property
    def waits(self) -> bool:
        """Whether any service is waited for."""
        return bool(self._wanted)

    def synced(self, service: ServiceName, at: datetime) -> None:
        """A sync was asked for: results of earlier ones do not count."""
        self._since[service] = at
        self._judged.pop(service, None)

    def refuse(self, service: ServiceName, reason: str) -> None:
        """It will not come to be; nothing that Argo CD says later changes that."""
        self._wanted.pop(service, None)
        self._unsure.pop(service, None)
        self._tracker.stage(service, Stage.FAILED, reason)

    def look(
        self,
        live: Mapping[ServiceName, AppState],
        *,
        now: datetime,
        at: datetime,
        last: bool = False,
    ) -> None:
        """Judge what the live view says.

        Args:
            live: its states.
            now: for what has to last before it counts.
            at: when the states were known to be true.
            last: no time is left to wait for bad news to pass: everything counts as it looks.
        """
        seen: dict[ServiceName, tuple[AppState, Verdict]] = {}
        for service in self._wanted:
            state = self._newest(service, live)
            if state is None or (not last and self._is_old_news(service, state)):
                continue
            found = self._judge(service, state)
            believed = self._debounce.settle(service, found, now=now)
            self._judged[service] = state
            self._unsure.pop(service, None)
            if type(found) is not type(believed):
                self._unsure[service] = believed
            seen[service] = (state, found if last else believed)
        self._tracker.saw(seen, at=at)

    def _is_old_news(self, service: ServiceName, state: AppState) -> bool:
        """Most services have not changed since the last look, and there may be very many."""
        return self._judged.get(service) is state and service not in self._unsure

    def insist(
        self, truth: Mapping[ServiceName, AppState], live: Mapping[ServiceName, AppState]
    ) -> None:
        """Argo CD itself was asked; what the live view has of before counts no more."""
        self._truth = dict(truth)
        for service in self._wanted.keys() - truth.keys():
            self._absent[service] = live[service].version if service in live else -1
            self._judged.pop(service, None)
            self._tracker.stage(service, Stage.SYNCING, _MISSING)

    def learned(self, service: ServiceName, state: AppState) -> None:
        """One was read whole, which tells more than a stream."""
        self._truth[service] = state
        self._judged.pop(service, None)

    def doubtful(
        self, listed: Mapping[ServiceName, AppState], live: Mapping[ServiceName, AppState]
    ) -> list[ServiceName]:
        """The services that a list and the live view do not both show ready."""
        return [
            service
            for service in self._wanted
            for seen in [(listed.get(service), live.get(service))]
            if not all(s and isinstance(self._judge(service, s), Ready) for s in seen)
        ]

    @property
    def settled(self) -> bool:
        """Nothing is on its way any more, and nothing that is ready looks otherwise just now."""
        doubted = any(isinstance(believed, Ready) for believed in self._unsure.values())
        return not doubted and not self._tracker.of(Stage.PLANNED, *UNDER_WAY)

    def _newest(
        self, service: ServiceName, live: Mapping[ServiceName, AppState]
    ) -> AppState | None:
        """Of one version the one that names what is in the way, else the truth, counts.

        A list leaves the health of resources out. Version 0 is a list's: older than everything.
        """
        known = [s for s in (self._truth.get(service), live.get(service)) if s is not None]
        state = max(known, key=lambda s: (s.version, len(s.waits_for)), default=None)
        if state is not None and state.version <= self._absent.get(service, -1):
            return None
        return state

    def _judge(self, service: ServiceName, state: AppState) -> Verdict:
        since = self._since.get(service)
        return verdict(state, wanted=self._wanted[service], since=since, op=self._op)
