"""Qbot's metrics with something in each of them, told as the rest of Qbot tells it."""

from datetime import timedelta

from qbot.cards.budget import UPDATE, Budget
from qbot.domain.environment import Phase
from qbot.domain.figures import Figures, Some
from qbot.domain.operation import OpState
from qbot.domain.outages import Outages, Presence, Vendor
from qbot.domain.progress import End, Kind
from qbot.web.away import Away
from qbot.web.figures import Standing
from qbot.web.metrics import VENDORS, Metrics
from tests.clocks import HandClock


class Metered:
    """Metrics as they are served; `happen` lets everything that is counted happen once."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.metrics = Metrics()
        self.asked = 0  # how often the database was read
        self.budget = Budget(self.clock)
        self.standing = Standing(self._figures, self.clock)
        self.metrics.registry.register(self.standing)
        argocd = Presence(Vendor.ARGOCD, "Argo CD", server="main")
        self.metrics.registry.register(Away(Outages([argocd]), self.clock))
        self.metrics.budget_of(self.budget.snapshot)
        self.metrics.leads(leads=True)

    async def _figures(self) -> Figures:
        self.asked += 1
        running = Some(2, self.clock.now() - timedelta(seconds=90))
        return Figures(
            environments={Phase.READY: 40, Phase.FAILED: 2},
            operations={(Kind.CREATE, OpState.RUNNING): running},
        )

    def happen(self) -> None:
        """Once more, all of it."""
        metrics = self.metrics
        for kind, end in ((Kind.CREATE, End.SUCCEEDED), (Kind.SYNC, End.FAILED)):
            metrics.ended(kind, end, 170.0)
        metrics.carrying(2)
        metrics.taken_over(1)
        metrics.lost()
        metrics.lapsed()
        for vendor in VENDORS:
            metrics.called(vendor, 200, 0.12)
            metrics.called(vendor, 429, 0.02)
            metrics.called(vendor, None, 30.0)
        metrics.ran(0.002)
        metrics.webhook("gitlab", "heard")
        metrics.webhook("argocd", "token")
        metrics.refused("guest")
        metrics.reaped("deleted", "merged")
        metrics.reaped("held", "")
        metrics.sent(UPDATE, "end")
        metrics.failed(UPDATE, "RateLimitedError")
        metrics.shown_after("end", 1.5)
        metrics.waiting(3)
        self.budget.limited(UPDATE, 30.0)
